/** `analysis`: what happens inside a model. Runs are jobs: they are watched and stopped as attacks are. */
import { type Jumps, jumpsSchema } from '../analysis/jumps.js';
import { type Axis, type Landscape, landscapeSchema } from '../analysis/landscape.js';
import { type LinearRegions, linearRegionsSchema } from '../analysis/linearRegions.js';
import { type PatternChange, patternChangeSchema } from '../analysis/patternChange.js';
import type { AnalysisProgress } from '../analysis/progress.js';
import { checkKeys } from '../base/check.js';
import { ConfigError, ShapeError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import { type Input, type Output, parse, type Schema } from '../base/schema.js';
import { checkFinite, checkTensor, describe, shapeText, type Tensor } from '../base/tensor.js';
import type { Connection } from './connection.js';
import type { JobOptions } from './job.js';
import { connected, type Model } from './model.js';

type Watched = JobOptions<AnalysisProgress>;

/** Options of `analysis.jumps`. */
export interface JumpsOptions extends Watched, Input<typeof jumpsSchema> {
  /** The end at t = 0, `[C, H, W]` or `[1, C, H, W]`. */
  from: Tensor;
  /** The end at t = 1. */
  to: Tensor;
}

/** Options of `analysis.linearRegions`. */
export interface LinearRegionsOptions extends Watched, Input<typeof linearRegionsSchema> {
  /** Where segments begin, `[n, C, H, W]`; or one, `[C, H, W]`. */
  from: Tensor;
  /** Where they end. */
  to: Tensor;
}

/** Options of `analysis.patternChange`. */
export interface PatternChangeOptions extends Watched, Input<typeof patternChangeSchema> {
  /** `[n, C, H, W]`, or one sample `[C, H, W]`. */
  x: Tensor;
  /**
   * Where each sample moves, of the shape of `x`, instead of `sigma`: for example an adversarial sample minus it, so that radius 1
   * is that.
   */
  direction?: Tensor;
}

/** Options of `analysis.landscape`. */
export interface LandscapeOptions extends Watched, Input<typeof landscapeSchema> {
  /** `[C, H, W]` or `[1, C, H, W]`. */
  x: Tensor;
  /** Of the two axes; `['gradient', 'random']` by default. */
  directions?: readonly [first: PlaneDirection, second: PlaneDirection];
}

/** The signs of the loss's gradient, random signs, or a sample's worth of values, which are scaled to a largest of 1. */
export type PlaneDirection = 'gradient' | 'random' | Tensor;

/** See `jumps` in analysis.ts. */
export async function jumps(model: Model, options: JumpsOptions): Promise<Jumps> {
  const connection = connectionOf(model);
  const { arrays, plain, watched } = partsOf('jumps', options, ['from', 'to'], jumpsSchema);
  const from = sampleOf(model, 'jumps.from', arrays.from);
  const to = sampleOf(model, 'jumps.to', arrays.to);
  return connection.job('jumps', [model.id, { from, to, ...plain }], watched);
}

/** See `linearRegions` in analysis.ts. */
export async function linearRegions(model: Model, options: LinearRegionsOptions): Promise<LinearRegions> {
  const connection = connectionOf(model);
  const { arrays, plain, watched } = partsOf('linearRegions', options, ['from', 'to'], linearRegionsSchema);
  const from = samplesOf(model, 'linearRegions.from', arrays.from);
  const to = samplesOf(model, 'linearRegions.to', arrays.to);
  checkSameShape('linearRegions.to', arrays.to, arrays.from);
  for (let s = 0; s < from.length; s += sizeOfSample(model)) {
    if (from.subarray(s, s + sizeOfSample(model)).every((value, i) => value === to[s + i])) {
      throw new ConfigError(
        `linearRegions.to: expected another sample than linearRegions.from, got the same, number ${s / sizeOfSample(model)}`,
      );
    }
  }
  return connection.job('linearRegions', [model.id, { from, to, ...plain }], watched);
}

/** See `patternChange` in analysis.ts. */
export async function patternChange(model: Model, options: PatternChangeOptions): Promise<PatternChange> {
  const connection = connectionOf(model);
  const { arrays, plain, watched } = partsOf('patternChange', options, ['x', 'direction'], patternChangeSchema);
  const x = samplesOf(model, 'patternChange.x', arrays.x);
  if ((arrays.direction === undefined) === (plain.sigma === undefined)) {
    const came = arrays.direction === undefined ? 'neither' : 'both';
    throw new ConfigError(`patternChange: expected either sigma or direction, got ${came}`);
  }
  const direction = arrays.direction && samplesOf(model, 'patternChange.direction', arrays.direction);
  if (arrays.direction) checkSameShape('patternChange.direction', arrays.direction, arrays.x);
  return connection.job('patternChange', [model.id, { x, direction, ...plain }], watched);
}

/** See `landscape` in analysis.ts. */
export async function landscape(model: Model, options: LandscapeOptions): Promise<Landscape> {
  const connection = connectionOf(model);
  const { arrays, plain, watched } = partsOf('landscape', options, ['x', 'directions'], landscapeSchema);
  const x = sampleOf(model, 'landscape.x', arrays.x);
  checkLabels('landscape.label', [plain.label], model.classes, 1);
  const given: unknown = arrays.directions ?? ['gradient', 'random'];
  if (!Array.isArray(given) || given.length !== 2) {
    throw new ConfigError(
      `landscape.directions: expected two of 'gradient', 'random' or a tensor, got ${describe(given)}`,
    );
  }
  const [first, second] = given.map((axis: PlaneDirection, i) => axisOf(model, `landscape.directions[${i}]`, axis));
  return connection.job('landscape', [model.id, { x, directions: [first, second], ...plain }], watched);
}

function connectionOf(model: Model): Connection {
  if (typeof model?.[connected] !== 'function') {
    throw new ConfigError(`model: expected a model of a runtime, got ${describe(model)}`);
  }
  return model[connected]();
}

/** Options apart: tensors, plain data, and how the job is watched. @throws {ConfigError} */
function partsOf<Options extends Watched, Name extends keyof Options & string, S extends ObjectSchema>(
  name: string,
  options: Options,
  arrayNames: readonly Name[],
  schema: S,
): { arrays: Pick<Options, Name>; plain: Output<S>; watched: Watched } {
  checkKeys(name, options, [...arrayNames, ...Object.keys(schema.entries), 'signal', 'onProgress']);
  const isArray = (key: string): boolean => arrayNames.some((known) => known === key);
  const { signal, onProgress, ...rest } = options;
  const fields = Object.entries(rest).filter(([key]) => !isArray(key));
  return { arrays: options, plain: parse(schema, Object.fromEntries(fields), name), watched: { signal, onProgress } };
}

type ObjectSchema = Schema & { entries: object };

function sizeOfSample({ input: [c, h, w] }: Model): number {
  return c * h * w;
}

/** One sample of the model's input. @throws {ShapeError}, {DataError} */
function sampleOf(model: Model, argument: string, x: Tensor): Float32Array {
  const values = samplesOf(model, argument, x);
  if (values.length !== sizeOfSample(model)) {
    throw new ShapeError(`${argument}: expected one sample ${shapeText(model.input)}, got shape ${shapeText(x.shape)}`);
  }
  return values;
}

/** Samples of the model's input. @throws {ShapeError}, {DataError} */
function samplesOf({ input }: Model, argument: string, x: Tensor): Float32Array {
  checkTensor(argument, x);
  const [c, h, w] = input;
  const shape = x.shape.length === 3 ? x.shape : x.shape.slice(1);
  if (shapeText(shape) !== shapeText(input) || x.data.length === 0) {
    throw new ShapeError(
      `${argument}: expected samples [n, ${c}, ${h}, ${w}] or one ${shapeText(input)}, got shape ${shapeText(x.shape)}`,
    );
  }
  checkFinite(argument, x);
  return x.data;
}

/** @throws {ShapeError} */
function checkSameShape(argument: string, value: Tensor, expected: Tensor): void {
  if (shapeText(value.shape) !== shapeText(expected.shape)) {
    throw new ShapeError(`${argument}: expected shape ${shapeText(expected.shape)}, got ${shapeText(value.shape)}`);
  }
}

function axisOf(model: Model, argument: string, axis: PlaneDirection): Axis {
  if (axis === 'gradient' || axis === 'random') return axis;
  if (typeof axis === 'string') {
    throw new ConfigError(`${argument}: expected 'gradient', 'random' or a tensor, got ${describe(axis)}`);
  }
  const values = sampleOf(model, argument, axis);
  if (values.every((value) => value === 0)) throw new ConfigError(`${argument}: expected a direction, got zeros`);
  return values;
}
