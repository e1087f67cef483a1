// A plugin of typedoc for what is plain data here: types that follow from a schema, and constructors that take options.
// typedoc alone would write the name of a type nobody can look up, and lose what is said of each option.
import ts from 'typescript';
import { CommentTag, Converter, DeclarationReflection, ReflectionKind, UnknownType } from 'typedoc';

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
  // Types are converted late: only now they are there.
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const named = exportedTypes(context);
    for (const reflection of Object.values(context.project.reflections)) {
      for (const tag of reflection.comment?.blockTags ?? []) nameError(tag);
      if (!(reflection instanceof DeclarationReflection)) continue;
      if (reflection.kind === ReflectionKind.TypeAlias) expandAlias(context, reflection, named);
      if (reflection.kind === ReflectionKind.Property) nameField(context, reflection, named);
    }
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
 * Types of the package that have a name of their own.
 * @param {Context} context
 * @returns {[string, ts.Type][]}
 */
function exportedTypes(context) {
  return context.project.getReflectionsByKind(ReflectionKind.TypeAlias).flatMap((reflection) => {
    const declaration = schemaAlias(context, reflection);
    return declaration === undefined ? [] : [[reflection.name, context.checker.getTypeAtLocation(declaration)]];
  });
}

/**
 * The declaration of a type that follows from a schema.
 * @param {Context} context
 * @param {import('typedoc').Reflection} reflection
 */
function schemaAlias(context, reflection) {
  const declaration = context.getSymbolFromReflection(reflection)?.declarations?.find(ts.isTypeAliasDeclaration);
  if (declaration === undefined || !ts.isTypeReferenceNode(declaration.type)) return undefined;
  return ['Output', 'Member'].includes(declaration.type.typeName.getText()) ? declaration : undefined;
}

/**
 * `@throws {ConfigError}` shows the error, which typedoc keeps apart.
 * @param {CommentTag} tag
 */
function nameError(tag) {
  if (tag.tag !== '@throws' || tag.typeAnnotation === undefined) return;
  tag.content.unshift({ kind: 'text', text: `\`${tag.typeAnnotation.replace(/^\{|\}$/g, '')}\` ` });
}

/**
 * A type that follows from a schema is written out.
 * @param {Context} context
 * @param {DeclarationReflection} reflection
 * @param {[string, ts.Type][]} named
 */
function expandAlias(context, reflection, named) {
  const declaration = schemaAlias(context, reflection);
  if (declaration === undefined) return;
  const type = context.checker.getTypeAtLocation(declaration);
  const others = named.filter(([name]) => name !== reflection.name);
  reflection.type = new UnknownType(textOf(context, type, others, true));
}

/**
 * The type of a field that a schema declares is written as text: with the names of other types, not with all their fields.
 * @param {Context} context
 * @param {DeclarationReflection} reflection
 * @param {[string, ts.Type][]} named
 */
function nameField(context, reflection, named) {
  const symbol = context.getSymbolFromReflection(reflection);
  const declaration = symbol?.declarations?.[0];
  if (symbol === undefined || declaration === undefined) return;
  if (!ts.isPropertyAssignment(declaration) && !ts.isShorthandPropertyAssignment(declaration)) return;
  const type = context.checker.getNonNullableType(context.checker.getTypeOfSymbol(symbol));
  context.project.removeTypeReflections(reflection.type);
  reflection.type = new UnknownType(textOf(context, type, named, false));
}

/**
 * @param {Context} context
 * @param {ts.Type} type
 * @param {[string, ts.Type][]} named
 * @param {boolean} whole its fields on lines of their own
 * @returns {string}
 */
function textOf(context, type, named, whole) {
  const { checker } = context;
  const same = (/** @type {ts.Type} */ a, /** @type {ts.Type} */ b) =>
    a === b || (checker.isTypeAssignableTo(a, b) && checker.isTypeAssignableTo(b, a));
  const name = named.find(([, other]) => type.flags === other.flags && same(type, other))?.[0];
  if (name !== undefined) return name;
  if (checker.isArrayType(type)) {
    const [element] = checker.getTypeArguments(/** @type {ts.TypeReference} */ (type));
    const text = textOf(context, element, named, false);
    return /^\w+$/.test(text) ? `${text}[]` : `(${text})[]`;
  }
  return checker.typeToString(type, undefined, whole ? expanded : flags);
}
