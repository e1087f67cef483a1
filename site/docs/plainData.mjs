// A plugin of typedoc for what is plain data here: types that follow from a schema, and constructors that take options.
// typedoc alone would write the name of a type nobody can look up, and lose what is said of each option.
import ts from 'typescript';
import { CommentTag, Converter, ReflectionKind, UnknownType } from 'typedoc';

/** @typedef {import('typedoc').Context} Context */

const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;
const expanded = flags | ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.MultilineObjectLiterals;

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, (context, signature, declaration) => {
    if (declaration === undefined || !ts.isFunctionDeclaration(declaration)) return;
    nameResult(context, signature, declaration);
    for (const [i, parameter] of declaration.parameters.entries()) {
      const shown = signature.parameters?.[i];
      if (shown !== undefined) listOptions(context, signature, parameter, shown);
    }
  });
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kind === ReflectionKind.TypeAlias) expandAlias(context, reflection);
  });
}

/**
 * The result of a constructor is the type that it declares, not a copy of all its fields.
 * @param {Context} context
 * @param {import('typedoc').SignatureReflection} signature
 * @param {ts.FunctionDeclaration} declaration
 */
function nameResult(context, signature, declaration) {
  if (declaration.type === undefined || !ts.isTypeReferenceNode(declaration.type)) return;
  if (signature.type?.type !== 'reflection') return;
  const symbol = context.checker.getSymbolAtLocation(declaration.type.typeName);
  if (symbol === undefined) return;
  context.project.removeReflection(signature.type.declaration);
  const name = declaration.type.typeName.getText();
  signature.type = context.createSymbolReference(context.resolveAliasedSymbol(symbol), context, name);
}

/**
 * A list of a parameter's options: name, type, and what `@param options.x` or the schema says of it.
 * @param {Context} context
 * @param {import('typedoc').SignatureReflection} signature
 * @param {ts.ParameterDeclaration} parameter
 * @param {import('typedoc').ParameterReflection} shown
 */
function listOptions(context, signature, parameter, shown) {
  const { checker } = context;
  if (parameter.type === undefined || !ts.isTypeReferenceNode(parameter.type)) return;
  const name = parameter.type.typeName.getText();
  if (!['Options', 'Input', 'Omit', 'Partial'].includes(name)) return;
  const type = checker.getTypeAtLocation(parameter).getNonNullableType();
  const { comment } = signature;
  const said = comment?.blockTags ?? [];
  const rows = checker.getPropertiesOfType(type).map((property) => {
    const wanted = `${shown.name}.${property.name}`;
    const tag = said.find((each) => each.tag === '@param' && each.name === wanted);
    const own = ts.displayPartsToString(property.getDocumentationComment(checker));
    const summary = comment?.summary.map(({ text }) => text).join('') ?? '';
    if (tag === undefined && own === '' && !summary.includes(`\`${property.name}\``)) {
      context.logger.validationWarning(`${signature.getFullName()}: nothing says what the option ${property.name} is`);
    }
    const optional = property.flags & ts.SymbolFlags.Optional ? '?' : '';
    const text = checker.typeToString(checker.getNonNullableType(checker.getTypeOfSymbol(property)), undefined, flags);
    /** @type {import('typedoc').CommentDisplayPart[]} */
    const words = tag?.content ?? [{ kind: 'text', text: own }];
    const dash = words.some((part) => part.text !== '') ? ': ' : '';
    return [
      { kind: /** @type {const} */ ('text'), text: `- **\`${property.name}${optional}\`** (\`${text}\`)${dash}` },
      ...words,
      { kind: /** @type {const} */ ('text'), text: '\n' },
    ];
  });
  shown.type = new UnknownType('object');
  if (comment === undefined || rows.length === 0) return;
  comment.blockTags = said.filter((tag) => !tag.name?.startsWith(`${shown.name}.`));
  comment.blockTags.unshift(new CommentTag('@options', rows.flat()));
}

/**
 * A type that follows from a schema is written out.
 * @param {Context} context
 * @param {import('typedoc').DeclarationReflection} reflection
 */
function expandAlias(context, reflection) {
  const declaration = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isTypeAliasDeclaration);
  if (declaration === undefined || !ts.isTypeReferenceNode(declaration.type)) return;
  if (!['Output', 'Member'].includes(declaration.type.typeName.getText())) return;
  const type = context.checker.getTypeAtLocation(declaration);
  reflection.type = new UnknownType(context.checker.typeToString(type, undefined, expanded));
}
