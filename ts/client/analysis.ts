/** `analysis`: what happens inside a model. Runs are jobs: they are watched and stopped as attacks are. */
import { type AnalysisProgress, type Jumps, jumpsSchema } from '../analysis/jumps.js';
import { checkKeys } from '../base/check.js';
import { ConfigError, ShapeError } from '../base/errors.js';
import { type Input, parse } from '../base/schema.js';
import { checkFinite, checkTensor, describe, shapeText, type Tensor } from '../base/tensor.js';
import type { Connection } from './connection.js';
import type { JobOptions } from './job.js';
import { connected, type Model } from './model.js';

type Watched = JobOptions<AnalysisProgress>;

/** Options of {@link jumps}. */
export interface JumpsOptions extends Watched, Input<typeof jumpsSchema> {
  /** Ends of the segment, `[C, H, W]` or `[1, C, H, W]`. */
  from: Tensor;
  to: Tensor;
}

/**
 * All discontinuities of a model along the straight segment between two samples, and all its kinks: every place where k-WTA
 * takes other winners, a ReLU opens or closes, or a window has another maximum. Between two of them the model is affine.
 *
 * Found by evaluating the model once for each affine piece, as its own 32-bit arithmetic has it: see docs/analysis.md.
 *
 * @param options.from at t = 0; `options.to` at t = 1.
 * @param options.maxEvents ends the search after so many, from t = 0 on; 10,000 by default.
 * @throws {ConfigError} for a layer that is curved or random; {ShapeError}, {DataError} for wrong samples;
 *   {DivergedError} when the model gives no numbers; AbortError.
 */
export async function jumps(model: Model, options: JumpsOptions): Promise<Jumps> {
  const connection = connectionOf(model);
  checkKeys('jumps', options, ['from', 'to', ...Object.keys(jumpsSchema.entries), 'signal', 'onProgress']);
  const { from, to, signal, onProgress, ...fields } = options;
  const plain = parse(jumpsSchema, fields, 'jumps');
  const ends = { from: sampleOf(model, 'jumps.from', from), to: sampleOf(model, 'jumps.to', to) };
  return connection.job('jumps', [model.id, { ...ends, ...plain }], { signal, onProgress });
}

function connectionOf(model: Model): Connection {
  if (typeof model?.[connected] !== 'function') {
    throw new ConfigError(`model: expected a model of a runtime, got ${describe(model)}`);
  }
  return model[connected]();
}

/** One sample of the model's input. @throws {ShapeError}, {DataError} */
function sampleOf({ input }: Model, argument: string, x: Tensor): Float32Array {
  checkTensor(argument, x);
  const expected = shapeText(input);
  const shape = x.shape.length === 4 && x.shape[0] === 1 ? x.shape.slice(1) : x.shape;
  if (shapeText(shape) !== expected) {
    throw new ShapeError(`${argument}: expected one sample ${expected}, got shape ${shapeText(x.shape)}`);
  }
  checkFinite(argument, x);
  return x.data;
}
