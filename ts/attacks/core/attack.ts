/** What an attack is: a descriptor with traits, and a procedure that makes candidates from a batch of samples. */
import type { Random } from '../../base/random.js';
import type { Descriptor, Schema } from '../../base/schema.js';
import type { NoiseStream } from '../../graph/antithetic.js';
import type { Network } from '../../graph/network.js';
import type { AttackSpec } from '../table.js';
import type { Grades } from './grading.js';
import type { Passes, Queries, Target } from './target.js';

/** Where an attack may get its direction from. */
export const gradients = [
  'exact',
  'surrogate',
  'estimated',
  'search',
  'decisions',
  'none',
  'transfer',
  'several',
] as const;

/** What is true of an attack. */
export interface AttackTraits {
  /**
   * `fixed`: looks for a loss inside a ball of a given radius. `minimal`: looks for the closest adversarial, once for
   * all radii.
   */
  family: 'fixed' | 'minimal';
  /**
   * Where it gets its direction from: the model's own gradient (`exact`), that of a smoother relative of the model
   * (`surrogate`), an estimate from outputs (`estimated`), none, for it tries points and compares outputs (`search`), sees
   * of outputs only whether they are at the goal (`decisions`) or tries points blindly (`none`), another model (`transfer`),
   * or one after another (`several`).
   */
  gradient: (typeof gradients)[number];
}

/** One type of attack as plain data. A trait that is left out is that of the attack inside. */
export type AttackDescriptor<Type extends string = string, S extends Schema = Schema> = Descriptor<
  Type,
  S,
  Partial<AttackTraits>
>;

/** What one attack of a cascade did. */
export interface AttackStage {
  name: string;
  /** Samples that it saw. */
  attacked: number;
  /** Those that it broke. */
  broken: number;
  queries: Queries;
}

/** Samples to attack together. What is drawn for one is its own; nothing else may join them. */
export interface Batch {
  /** `[n, size]`, pixels in [0, 1]. */
  readonly x: Float32Array;
  /** Their number. */
  readonly count: number;
  /** Counts queries by the number of the sample, and knows the goal of each. */
  readonly target: Target;
  /** Radius of the ball, in pixel units; Infinity for an attack of minimum norm. */
  readonly epsilon: number;
  /** A stream of sample `i`'s own; restarts and steps have different ones. */
  random(i: number, restart?: number, step?: number): Random;
  /** A stream of noise of sample `i`'s own. */
  noise(i: number, draw: number): NoiseStream;
  /** A warning for the user, once. */
  warn(message: string): void;
  /** The model of this id. @throws {ConfigError} */
  source(id: string): Network;
  /** Sample `i` could not be attacked, for this reason: it is not to be taken for robust. */
  failed(i: number, reason: string): void;
  /** A cascade has done one of its attacks. */
  stage(done: AttackStage): void;
  /** Another attack on these samples. */
  run(spec: AttackSpec, inner?: Inner): ReturnType<Attack<AttackSpec>>;
  /** What the driver will say of candidates `[m, size]` of some of the samples, in their ball; asked by it and free. */
  grade(candidates: Float32Array, samples: readonly number[], radius?: number): Passes<Grades>;
}

/** How an attack runs inside another; all is as outside where it is left out. */
export interface Inner {
  /** Which of the samples. */
  samples?: readonly number[];
  /** The model that candidates are made on instead; its queries are free. */
  model?: Network;
  /** What sees the model in place of the batch's own target; its samples are those of `samples`. */
  target?: Target;
  epsilon?: number;
  /** Runs of different numbers draw different random numbers; 0 when left out. */
  attempt?: number;
  /** Is told of the attacks of a cascade. */
  stage?(done: AttackStage): void;
}

/**
 * Makes candidates `[n, size]`; yields the share of its work that is done, or nothing new after a pass of the network,
 * so that the caller can report progress and cancel. It need not clip or check: the driver does both and trusts nothing.
 */
export type Attack<Spec> = (spec: Spec, batch: Batch) => Generator<number | undefined, Float32Array, void>;

/** Runs what is a part of a whole: its own progress comes after `done`, of `whole`. */
export function* asPart<Result>(
  run: Generator<number | undefined, Result, void>,
  done: number,
  whole: number,
): Generator<number | undefined, Result, void> {
  let next = run.next();
  for (; !next.done; next = run.next()) yield next.value === undefined ? undefined : (done + next.value) / whole;
  return next.value;
}

/** Copies the samples with these numbers. */
export function pick(values: Float32Array, samples: readonly number[], size: number): Float32Array {
  const result = new Float32Array(samples.length * size);
  for (const [i, s] of samples.entries()) result.set(values.subarray(s * size, (s + 1) * size), i * size);
  return result;
}

/** Puts samples back that {@link pick} took. */
export function put(target: Float32Array, samples: readonly number[], values: Float32Array, size: number): void {
  for (const [i, s] of samples.entries()) target.set(values.subarray(i * size, (i + 1) * size), s * size);
}

/** The numbers 0 to n - 1. */
export function all(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
