/**
 * Brings the names of weights in a file together with those of a model: what wrappers put before all names is taken off, other
 * names of the same parts are changed, a normalisation kept among the weights is held against the model's own, and what does
 * not fit is told all at once.
 */
import { DataError, ShapeError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { shapeText, sizeOf, type Tensor } from '../base/tensor.js';
import type { ModelSpec } from '../graph/containers.js';
import { isCounter, parameterShapes } from '../graph/parameterSpecs.js';

/** Mean and standard deviation of each channel, in pixel units. */
export interface Normalization {
  mean: number[];
  std: number[];
}

/** Weights under names without what wrappers added. */
export interface Unwrapped {
  tensors: Record<string, Tensor>;
  /** Kept among the weights by a wrapper that normalises. */
  normalization?: Normalization;
  notes: string[];
}

/** Weights under a model's own names. */
export interface Matched {
  stateDict: Record<string, Tensor>;
  notes: string[];
}

/** What else the parts of the models here are called: by the CIFAR code of many papers. */
const otherNames: readonly (readonly [RegExp, string])[] = [
  [/(^|\.)shortcut\./, '$1downsample.'],
  [/^linear\./, 'fc.'],
];

/** How many names of each kind a message lists. */
const listed = 8;

/**
 * Takes off what wrappers put before all names (`module.`, `model.`, `1.`): as much as brings most names to those that are
 * wanted, and as little as that takes.
 */
export function unwrap(tensors: Record<string, Tensor>, wanted: ReadonlySet<string>): Unwrapped {
  const { rest, normalization } = withoutNormalization(tensors, wanted);
  const notes: string[] = [];
  const names = Object.keys(rest);
  const hits = (change: (name: string) => string): number => names.filter((name) => wanted.has(change(name))).length;
  let best = { prefix: '', renamed: false, hits: hits((name) => name) };
  for (const prefix of commonPrefixes(names)) {
    for (const renamed of [false, true]) {
      const own = hits((name) => changed(name, prefix, renamed));
      if (own > best.hits) best = { prefix, renamed, hits: own };
    }
  }
  const { prefix, renamed } = best;
  if (prefix !== '') notes.push(`'${prefix}' taken off all names`);
  const entries = Object.entries(rest).map(([name, value]) => [changed(name, prefix, renamed), value] as const);
  if (renamed) notes.push("parts called otherwise: 'shortcut' is 'downsample' here, 'linear' is 'fc'");
  return { tensors: Object.fromEntries(entries), ...(normalization && { normalization }), notes };
}

/**
 * A model's weights out of a file's.
 *
 * @throws {ShapeError} listing what is missing, left over or of another shape, each with the name that may have been meant.
 * @throws {DataError} when the file normalises and the model does not, or otherwise.
 */
export function matchWeights(file: string, tensors: Record<string, Tensor>, spec: ModelSpec): Matched {
  const shapes = parameterShapes(spec);
  const { tensors: found, normalization, notes } = unwrap(tensors, new Set(shapes.keys()));
  if (normalization !== undefined) notes.push(checkNormalization(file, normalization, spec));
  const used = Object.keys(found).filter((name) => !isCounter(name));
  const missing = [...shapes.keys()].filter((name) => !Object.hasOwn(found, name));
  const left = used.filter((name) => !shapes.has(name));
  const misshapen = used.flatMap((name) => {
    const [expected, got] = [shapes.get(name), found[name].shape];
    const same = expected === undefined || shapeText(expected) === shapeText(got);
    return same ? [] : [`'${name}' (expected ${shapeText(expected)}, got ${shapeText(got)})`];
  });
  const near = (name: string, others: readonly string[]): string => {
    const other = nearest(name, others);
    return other === undefined ? `'${name}'` : `'${name}' (did you mean '${other}'?)`;
  };
  const problems = [
    list('missing', missing, (name) => near(name, left)),
    list('left over', left, (name) => near(name, missing)),
    list('of another shape', misshapen, (text) => text),
  ].filter((text) => text !== '');
  if (problems.length > 0) {
    throw new ShapeError(`${file}: the weights do not fit the model: ${problems.join('; ')}`);
  }
  return { stateDict: Object.fromEntries(used.map((name) => [name, found[name]])), notes };
}

function list(what: string, names: readonly string[], text: (name: string) => string): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, listed).map(text).join(', ');
  return `${what}: ${shown}${names.length > listed ? `, and ${names.length - listed} more` : ''}`;
}

function changed(name: string, prefix: string, renamed: boolean): string {
  const own = name.slice(prefix.length);
  return renamed ? otherNames.reduce((text, [pattern, other]) => text.replace(pattern, other), own) : own;
}

/** '' and what ends in a dot and begins all names, shorter ones first. */
function commonPrefixes(names: readonly string[]): string[] {
  const prefixes = [''];
  const [first = ''] = names;
  for (let dot = first.indexOf('.'); dot >= 0; dot = first.indexOf('.', dot + 1)) {
    const prefix = first.slice(0, dot + 1);
    if (!names.every((name) => name.startsWith(prefix) && name.length > prefix.length)) break;
    prefixes.push(prefix);
  }
  return prefixes;
}

/** Names that wrappers give to what they subtract, and what they divide by. */
const pairs = [
  ['mean', 'std'],
  ['mu', 'sigma'],
] as const;

function withoutNormalization(tensors: Record<string, Tensor>, wanted: ReadonlySet<string>) {
  for (const name of Object.keys(tensors)) {
    for (const [mean, std] of pairs) {
      const parent = name.slice(0, -mean.length);
      const other = parent + std;
      if (!(name === mean || name.endsWith(`.${mean}`)) || !Object.hasOwn(tensors, other) || wanted.has(name)) continue;
      const { [name]: means, [other]: deviations, ...rest } = tensors;
      if (!isByChannel(means) || !isByChannel(deviations) || means.data.length !== deviations.data.length) continue;
      return { rest, normalization: { mean: [...means.data], std: [...deviations.data] } };
    }
  }
  return { rest: tensors, normalization: undefined };
}

/** `[C]`, `[C, 1, 1]` or `[1, C, 1, 1]` */
function isByChannel({ shape, data }: Tensor): boolean {
  return data.length > 0 && Math.max(1, ...shape) === sizeOf(shape);
}

/** Says what was compared. @throws {DataError} */
function checkNormalization(file: string, { mean, std }: Normalization, { layers }: ModelSpec): string {
  const own = layers.find((layer) => layer.type === 'normalize');
  const text = (values: readonly number[]): string =>
    `[${values.map((value) => Number(value.toPrecision(6))).join(', ')}]`;
  const wanted = `nn.normalize({ mean: ${text(mean)}, std: ${text(std)} })`;
  if (own === undefined) {
    throw new DataError(`${file}: the weights come with a normalisation: begin the model with ${wanted}`);
  }
  const close = (a: readonly number[], b: readonly number[]): boolean =>
    a.length === b.length && a.every((value, i) => Math.abs(value - b[i]) <= 1e-5);
  if (!close(own.mean, mean) || !close(own.std, std)) {
    throw new DataError(
      `${file}: the weights come with another normalisation than the model's: expected ${wanted}, got mean ${text(own.mean)}, std ${text(own.std)}`,
    );
  }
  return 'the normalisation among the weights is that of the model';
}
