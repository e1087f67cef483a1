/**
 * Schemas of everything that is plain data: valibot's, with messages that name the path, what was expected and what
 * came. {@link parse} is the only door: constructors, calls, files and the worker's boundary go through it.
 */
import * as v from 'valibot';
import { ConfigError } from './errors.js';
import { nearest } from './nearest.js';
import { type Problem, plainCopy, problemsText } from './plain.js';
import { describe } from './tensor.js';

/** Any schema. */
export type Schema<Input = unknown, Output = Input> = v.GenericSchema<Input, Output>;
/** What may be written: what has a default may be left out. */
export type Input<S extends Schema> = v.InferInput<S>;
/** What {@link parse} gives: with the defaults in it. */
export type Output<S extends Schema> = v.InferOutput<S>;

/** Where a number has to lie. */
export interface Range {
  min?: number;
  max?: number;
  /** The bound itself is excluded. */
  above?: number;
  below?: number;
  multipleOf?: number;
}

/** The largest whole number where no other is given: sizes and counts are 32-bit numbers in a kernel. */
const largest = 2 ** 31 - 1;

function rangeText({ min, max, above, below, multipleOf }: Range): string {
  const parts = [
    min !== undefined && `>= ${min}`,
    above !== undefined && `> ${above}`,
    max !== undefined && `<= ${max}`,
    below !== undefined && `< ${below}`,
    multipleOf !== undefined && `a multiple of ${multipleOf}`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}

type Issue = v.BaseIssue<unknown>;

const expected = (what: string) => (issue: Issue) => `expected ${what}, got ${describe(issue.input)}`;

/** `schema` that says what it expects, for the message where a value is missing. */
function named<S extends Schema>(schema: S, expects: string): S {
  return { ...schema, expects };
}

type Message = (issue: Issue) => string;

function bounds({ min, max, above, below, multipleOf }: Range, message: Message) {
  return [
    ...(min === undefined ? [] : [v.minValue<number, number, Message>(min, message)]),
    ...(max === undefined ? [] : [v.maxValue<number, number, Message>(max, message)]),
    ...(above === undefined ? [] : [v.gtValue<number, number, Message>(above, message)]),
    ...(below === undefined ? [] : [v.ltValue<number, number, Message>(below, message)]),
    ...(multipleOf === undefined ? [] : [v.multipleOf<number, number, Message>(multipleOf, message)]),
  ];
}

/** A finite number. */
export function number(range: Range = {}): Schema<number> {
  const what = `a number${rangeText(range)}`;
  const message = expected(what);
  return named(v.pipe(v.number(message), v.finite(message), ...bounds(range, message)), what);
}

/** A whole number; at most `most` unless `max` says otherwise. `noun` is what it is called in messages. */
export function integer(range: Range = {}, noun = 'a whole number', most = largest): Schema<number> {
  const what = noun + rangeText(range);
  const whole = { ...range, max: range.max ?? most };
  const message = (issue: Issue): string =>
    expected((issue.input as number) > most ? noun + rangeText(whole) : what)(issue);
  return named(v.pipe(v.number(message), v.safeInteger(message), ...bounds(whole, message)), what);
}

/** Seed of random numbers; 0 by default. */
export function seed() {
  return optional(integer({ min: 0 }, 'a whole number', Number.MAX_SAFE_INTEGER), 0);
}

/** true or false. */
export function boolean() {
  return named(v.boolean(expected('true or false')), 'true or false');
}

/** Text. */
export function string() {
  return named(v.string(expected('a string')), 'a string');
}

/** One of a few words. */
export function choice<const T extends string>(choices: readonly T[]) {
  const what = choices.map((c) => `'${c}'`).join(' or ');
  return named(v.picklist(choices, expected(what)), what);
}

/** Any number of values; `what` is a noun with its article. */
export function array<S extends Schema>(item: S, what = 'an array') {
  return named(v.array(item, expected(what)), what);
}

/** At least one value. */
export function some<S extends Schema>(item: S, what = 'an array') {
  const list = v.array(item, expected(what));
  return named(v.pipe(list, v.nonEmpty('expected at least one value, got none')), what);
}

/** Values of one kind by any name. */
export function record<S extends Schema>(value: S, what = 'values by name') {
  return named(v.record(v.string(), value, expected(what)), what);
}

/** null, or what `schema` describes. */
export function nullable<S extends Schema>(schema: S) {
  return v.nullable(schema);
}

/** Plain data that another schema describes. */
export function unknown() {
  return named(v.unknown(), 'a value');
}

/** Exactly these values; `what` as `[rows, columns]`. */
export function tuple<const Items extends readonly Schema[]>(items: Items, what = `${items.length} values`) {
  const message = (issue: Issue): string => {
    const last = issue.path?.at(-1);
    return last && issue.expected === 'never'
      ? `expected ${what}, got ${(last.input as unknown[]).length}`
      : expected(what)(issue);
  };
  return named(v.strictTuple(items as unknown as [...Items], message), what);
}

/** The first of `options` that fits; `what` says what they are together. */
export function union<const Options extends readonly Schema[]>(options: Options, what: string) {
  return named(v.union(options as unknown as [...Options], expected(what)), what);
}

/** May be left out; with `value`, that stands for it. */
export function optional<S extends Schema>(schema: S): v.OptionalSchema<S, undefined>;
export function optional<S extends Schema, const D extends v.Default<S, undefined>>(
  schema: S,
  value: D,
): v.OptionalSchema<S, D>;
export function optional<S extends Schema>(schema: S, value?: v.Default<S, undefined>) {
  return v.optional(schema, value);
}

/** A schema that refers to itself. */
export function lazy<S extends Schema>(schema: () => S) {
  return v.lazy(schema);
}

function suggestion(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near === undefined ? '' : ` (did you mean '${near}'?)`;
}

/** An object with these keys and no other: a misspelt option must not be ignored. */
export function object<const Entries extends v.ObjectEntries>(entries: Entries, what = 'an options object') {
  const known = Object.keys(entries).filter((key) => key !== 'type');
  const message = (issue: Issue): string => {
    const last = issue.path?.at(-1);
    if (last === undefined) return expected(what)(issue);
    if (issue.expected !== 'never') return `expected ${entries[last.key as string].expects}, got undefined`;
    const unknown = Object.keys(last.input as object).filter((key) => !Object.hasOwn(entries, key));
    const keys = unknown.map((key) => `'${key}'${suggestion(key, known)}`).join(', ');
    return `unknown option${unknown.length > 1 ? 's' : ''} ${keys}; known are ${known.join(', ') || 'none'}`;
  };
  return named(v.strictObject(entries, message), what);
}

/** An object with these keys, and others that are somebody else's to check. */
export function loose<const Entries extends v.ObjectEntries>(entries: Entries, what = 'an object') {
  const message = (issue: Issue): string => {
    const key = issue.path?.at(-1)?.key as string | undefined;
    return key === undefined ? expected(what)(issue) : `expected ${entries[key].expects}, got undefined`;
  };
  return named(v.looseObject(entries, message), what);
}

/** An object told apart from its kin by `type`. */
export function tagged<const Type extends string, const Entries extends v.ObjectEntries>(type: Type, entries: Entries) {
  return object({ type: named(v.literal(type, expected(`'${type}'`)), `'${type}'`), ...entries });
}

/** `schema` with a rule between its fields: `problem` says what is wrong, with the field `key` if given, or gives undefined. */
export function refined<S extends Schema>(schema: S, problem: (value: Output<S>) => string | undefined, key?: string) {
  return v.pipe(
    schema,
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed ? problem(dataset.value) : undefined;
      if (message === undefined) return;
      const input = dataset.value as Record<string, unknown>;
      const path =
        key === undefined ? undefined : ([{ type: 'object', origin: 'value', input, key, value: input[key] }] as const);
      addIssue({ message, path: path && [...path] });
    }),
  );
}

/** `schema` with one of two fields, not both. */
export function either<S extends Schema>(schema: S, one: keyof Output<S> & string, other: keyof Output<S> & string) {
  return v.pipe(
    refined(schema, (value) => {
      const [first, second] = [value[one], value[other]];
      if ((first === undefined) !== (second === undefined)) return undefined;
      return `expected either ${one} or ${other}, got ${one} = ${first} and ${other} = ${second}`;
    }),
    v.metadata({ oneOf: [{ required: [one] }, { required: [other] }] }),
  );
}

/** `schema` with defaults that follow from other fields. */
export function completed<S extends Schema, T>(schema: S, complete: (value: Output<S>) => T) {
  return v.pipe(schema, v.transform(complete));
}

/** What {@link tagged} makes, with rules or without. */
export type Tagged<Type extends string = string, Input = unknown, Output = Input> = Schema<Input, Output> &
  v.VariantOptions<'type'>[number] & { readonly entries: { readonly type: { readonly literal: Type } } };

/** One kind of thing that is plain data: its name, its schema (with the defaults), and what is true of it. */
export interface Descriptor<Type extends string = string, S extends Schema = Schema, Traits = unknown> {
  readonly type: Type;
  readonly schema: S;
  readonly traits: Traits;
}

/** The descriptor of what {@link tagged} describes. */
export function descriptor<S extends Tagged, const Traits>(
  schema: S,
  traits: Traits,
): Descriptor<S['entries']['type']['literal'], S, Traits> {
  return { type: schema.entries.type.literal, schema, traits };
}

/** What a constructor takes: all but the type. */
export type Options<D extends Descriptor> = Omit<Input<D['schema']>, 'type'>;

/** The descriptors of one family by their type. */
export function family<const Table extends { readonly [Type in keyof Table]: Descriptor<Type & string, Tagged> }>(
  table: Table,
): Table {
  return table;
}

/** What is written for any member of a family. */
export type Member<Table extends Readonly<Record<string, Descriptor>>> = Output<Table[keyof Table]['schema']>;

/**
 * Any member of a family, told apart by `type`.
 *
 * @param what a noun with its article, and who makes it: `a layer made by nn.*`.
 */
export function variant<const Table extends Readonly<Record<string, Descriptor<string, Tagged>>>>(
  table: Table,
  what: string,
) {
  const message = (issue: Issue): string => {
    const [inside] = issue.path ?? [];
    if (inside === undefined) return expected(what)(issue);
    const { input } = issue;
    if (typeof input !== 'string') return expected(what)({ ...issue, input: inside.input });
    return `expected ${what} (${Object.keys(table).join(', ')}), got the type '${input}'`;
  };
  const options: Table[keyof Table]['schema'][] = Object.values(table).map(({ schema }) => schema);
  return named(v.variant('type', options, message), what);
}

/** An issue of an unknown key or a wrong `type` is one of the object, not of the key. */
function toProblem(issue: Issue): Problem {
  const path = (issue.path ?? []).map(({ key }) => key as PropertyKey);
  const outer = issue.expected === 'never' || (issue.type === 'variant' && path.at(-1) === 'type');
  return { path: outer ? path.slice(0, -1) : path, message: issue.message };
}

/** An error class of this package. */
type ErrorClass = new (message: string) => Error;

/**
 * The value that `schema` describes, as a copy with the defaults filled in.
 *
 * @param argument what the value is to the caller; messages begin with it.
 * @throws {ConfigError} (or `Failure`) naming every problem with its path.
 */
export function parse<S extends Schema>(
  schema: S,
  value: unknown,
  argument: string,
  Failure: ErrorClass = ConfigError,
): Output<S> {
  const result = examine(schema, value);
  if ('problems' in result) throw new Failure(problemsText(argument, result.problems));
  return result.output;
}

/** What {@link parse} gives, or all that is wrong. */
export function examine<S extends Schema>(schema: S, value: unknown): { output: Output<S> } | { problems: Problem[] } {
  const problems: Problem[] = [];
  const copy = plainCopy(value, problems);
  if (problems.length === 0) {
    // Settings that a page makes for valibot as a whole must not reach this far.
    const result = v.safeParse(schema, copy, { abortEarly: false, abortPipeEarly: true });
    if (result.success) return { output: result.output };
    problems.push(...result.issues.map(toProblem));
  }
  return { problems };
}

/**
 * What a constructor returns: `options` with the type of `descriptor`, parsed.
 *
 * @throws {ConfigError}
 */
export function construct<S extends Schema>(
  { type, schema }: Descriptor<string, S>,
  options: unknown,
  argument = type,
): Output<S> {
  // Anything that is no object, or names a type of its own, is left to the schema to refuse.
  const open = typeof options === 'object' && options !== null && !Array.isArray(options) && !('type' in options);
  return parse(schema, open ? { ...options, type } : options, argument);
}
