/** One attack on one model: options checked, the job in the engine, its results as tensors. */
import { type AttackSpec, checkAttack } from '../attacks/attack.js';
import { checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';
import type { AttackProgress, ModelInfo } from '../engine/protocol.js';
import type { Connection } from './connection.js';
import { checkedLabels, checkInput, checkPixels } from './inputs.js';

/** Samples to attack, and where. */
export interface AttackOptions {
  /** `[n, C, H, W]`, every pixel in [0, 1]. */
  x: Tensor;
  /** True classes. */
  labels: ArrayLike<number>;
  /** Radii in pixel units, each >= 0. */
  epsilons: number[];
  /** 0 by default. */
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: AttackProgress) => void;
}

/** What an attack found; the first index is the epsilon's. */
export interface AttackResult {
  epsilons: number[];
  /** As the attack left them. */
  raw: Tensor[];
  /** Brought into the ball and the box: these were graded. */
  clipped: Tensor[];
  /** The model really gives another class than the label's. */
  success: boolean[][];
  predictions: Int32Array[];
  /** From the original, in the attack's norm. */
  distances: Float32Array[];
  /** Over all epsilons; samples evaluated, not calls. */
  queries: { forward: number; backward: number };
  /** By epsilon. */
  queriesByEpsilon: { forward: number; backward: number }[];
  seconds: number[];
  warnings: string[][];
}

/** See `Model.attack`. */
export async function runAttack(
  connection: Connection,
  model: ModelInfo,
  attack: AttackSpec,
  options: AttackOptions,
): Promise<AttackResult> {
  checkAttack('attack', attack);
  checkKeys('attack', options, ['x', 'labels', 'epsilons', 'seed', 'signal', 'onProgress']);
  const { x, labels, epsilons, seed = 0, signal, onProgress } = options;
  checkInput(model, x);
  checkPixels(x);
  if (!Array.isArray(epsilons) || epsilons.length === 0) {
    throw new ConfigError(`attack.epsilons: expected a list of radii, got ${describe(epsilons)}`);
  }
  for (const epsilon of epsilons) checkNumber('attack.epsilons', epsilon, { min: 0 });
  checkInteger('attack.seed', seed, { min: 0 });
  const samples = { x, labels: checkedLabels(model, labels, x), epsilons, seed };
  const results = await connection.job('attack', [model.id, attack, samples], { signal, onProgress });
  const asTensor = (data: Float32Array): Tensor => ({ shape: [...x.shape], data });
  const total = (kind: 'forward' | 'backward') => results.reduce((sum, result) => sum + result.queries[kind], 0);
  return {
    epsilons,
    raw: results.map((result) => asTensor(result.raw)),
    clipped: results.map((result) => asTensor(result.clipped)),
    success: results.map((result) => result.success),
    predictions: results.map((result) => result.predictions),
    distances: results.map((result) => result.distances),
    queries: { forward: total('forward'), backward: total('backward') },
    queriesByEpsilon: results.map((result) => result.queries),
    seconds: results.map((result) => result.seconds),
    warnings: results.map((result) => result.warnings),
  };
}
