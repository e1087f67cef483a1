// A plugin of typedoc for what is plain data here: types that follow from a schema, and constructors that take options.
// typedoc alone would write the name of a type nobody can look up, and lose what is said of each option.

import { CommentTag, Converter, makeRecursiveVisitor, ReflectionKind, UnknownType } from 'typedoc';
import ts from 'typescript';

/** @typedef {import('typedoc').Context} Context */

/** Longer types say less than the docstring beside them. */
const longest = 160;

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
    const checker = context.programs[0].getTypeChecker();
    const named = exportedTypes(context, checker);
    for (const reflection of Object.values(context.project.reflections)) {
      for (const tag of reflection.comment?.blockTags ?? []) nameError(tag);
      if (reflection.isSignature()) nameField(context, checker, reflection, named);
      if (!reflection.isDeclaration()) continue;
      if (reflection.kind === ReflectionKind.TypeAlias) expandAlias(context, checker, reflection, named);
      // What stands in a schema is no value.
      reflection.defaultValue = undefined;
      if (reflection.kind === ReflectionKind.Property) nameField(context, checker, reflection, named);
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
  if (signature.type === undefined || signature.type.type === 'reference') return;
  const symbol = context.checker.getSymbolAtLocation(declaration.type.typeName);
  if (symbol === undefined) return;
  context.project.removeTypeReflections(signature.type);
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
  const [declared] = checker.getSymbolAtLocation(parameter.type.typeName)?.declarations ?? [];
  const isPrivate = name.endsWith('Options') && declared !== undefined && !isExported(declared);
  if (!['Options', 'Input', 'Omit', 'Partial'].includes(name) && !isPrivate) return;
  // What is taken apart at once has no name of its own.
  if (ts.isObjectBindingPattern(parameter.name)) shown.name = 'options';
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

/** @param {ts.Declaration} declaration */
function isExported(declaration) {
  const isType = ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration);
  return !isType || (declaration.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false);
}

/**
 * Types of the package that have a name of their own.
 * @param {Context} context
 * @param {ts.TypeChecker} checker
 * @returns {[string, ts.Type][]}
 */
function exportedTypes(context, checker) {
  return context.project.getReflectionsByKind(ReflectionKind.TypeAlias).flatMap((reflection) => {
    const declaration = schemaAlias(context, reflection);
    return declaration === undefined ? [] : [[reflection.name, checker.getTypeAtLocation(declaration)]];
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
 * @param {ts.TypeChecker} checker
 * @param {import('typedoc').DeclarationReflection} reflection
 * @param {[string, ts.Type][]} named
 */
function expandAlias(context, checker, reflection, named) {
  const declaration = schemaAlias(context, reflection);
  if (declaration === undefined) return;
  const type = checker.getTypeAtLocation(declaration);
  const others = named.filter(([name]) => name !== reflection.name);
  reflection.type = new UnknownType(textOf(checker, type, others, true));
}

/**
 * The type of a field is written as text where typedoc would list fields inside it that nothing is said of: what they are
 * stands in the docstring of the whole.
 * @param {Context} context
 * @param {ts.TypeChecker} checker
 * @param {import('typedoc').DeclarationReflection | import('typedoc').SignatureReflection} reflection
 * @param {[string, ts.Type][]} named
 */
function nameField(context, checker, reflection, named) {
  if (!hasSilentFields(reflection.type)) return;
  const holder = reflection.isDeclaration() ? reflection : reflection.parent;
  const symbol = context.getSymbolFromReflection(holder);
  const declaration = symbol?.declarations?.[0];
  const node =
    declaration !== undefined && 'type' in declaration ? /** @type {ts.TypeNode} */ (declaration.type) : undefined;
  if (symbol === undefined || declaration === undefined) return;
  context.project.removeTypeReflections(reflection.type);
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(symbol));
  const text = node?.getText() ?? textOf(checker, type, named, false);
  reflection.type = new UnknownType(text.length > longest ? 'object' : text);
}

/** @param {import('typedoc').SomeType | undefined} type */
function hasSilentFields(type) {
  let found = false;
  type?.visit(
    makeRecursiveVisitor({
      reflection({ declaration }) {
        found ||= declaration.children?.some((child) => !child.hasComment()) ?? false;
      },
    }),
  );
  return found;
}

/**
 * @param {ts.TypeChecker} checker
 * @param {ts.Type} type
 * @param {[string, ts.Type][]} named
 * @param {boolean} whole its fields on lines of their own
 * @returns {string}
 */
function textOf(checker, type, named, whole) {
  const same = (/** @type {ts.Type} */ a, /** @type {ts.Type} */ b) =>
    a === b || (checker.isTypeAssignableTo(a, b) && checker.isTypeAssignableTo(b, a));
  const name = named.find(([, other]) => type.flags === other.flags && same(type, other))?.[0];
  if (name !== undefined) return name;
  if (checker.isArrayType(type)) {
    const [element] = checker.getTypeArguments(/** @type {ts.TypeReference} */ (type));
    const text = textOf(checker, element, named, false);
    return /^\w+$/.test(text) ? `${text}[]` : `(${text})[]`;
  }
  return checker.typeToString(type, undefined, whole ? expanded : flags);
}
