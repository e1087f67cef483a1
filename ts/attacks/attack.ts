/** What one attack is: a description as plain data, and a procedure that makes perturbed samples from it. */
import { checkType } from '../base/check.js';
import type { Random } from '../base/random.js';
import type { EstimatedGradientSpec } from './estimatedGradient.js';
import type { FgsmSpec } from './fgsm.js';
import type { Norm } from './norms.js';
import type { PgdSpec } from './pgd.js';
import type { Target } from './target.js';
import type { TransferSpec } from './transfer.js';

/** Any attack, as plain data. */
export type AttackSpec = FgsmSpec | PgdSpec | EstimatedGradientSpec | TransferSpec;

/** The samples of one attack at one epsilon. */
export interface AttackInput {
  target: Target;
  /** `[n, size]`, pixels in [0, 1]. */
  x: Float32Array;
  labels: Int32Array;
  /** Radius of the ball, in pixel units (0 to 1) for `linf`. */
  epsilon: number;
  /** A fresh stream of random numbers for `purpose`. */
  random(purpose: number): Random;
  /** Seed of the kernels' random numbers. */
  seed: number;
  /** Warnings for the user, each once. */
  warn(message: string): void;
}

/**
 * Makes adversarial candidates `[n, size]`; yields the share of its work that is done, so that the caller
 * can report progress and cancel. It need not clip or check: the wrapper does both and trusts nothing.
 */
export type Attack<Spec> = (spec: Spec, input: AttackInput) => Generator<number, Float32Array, void>;

/** Attacks of their own, without a second model. */
export const directAttacks: readonly AttackSpec['type'][] = ['fgsm', 'pgd', 'estimatedGradient'];

/** @throws {ConfigError} unless `value` is an attack; of one of `types`, when given. */
export function checkAttack(
  argument: string,
  value: unknown,
  types: readonly AttackSpec['type'][] = [...directAttacks, 'transfer'],
): void {
  checkType(argument, value, types, types.map((type) => `attacks.${type}(...)`).join(' or '));
}

/** Norm of an attack's ball. */
export function normOf(spec: AttackSpec): Norm {
  return spec.type === 'transfer' ? normOf(spec.attack) : spec.norm;
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
