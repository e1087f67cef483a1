/** The norms by name, apart from what is computed in them, which a page need not load. */
import { checkInteger, checkNumber } from '../../base/check.js';

/** Norms whose balls are convex: what lies between two points of one lies in it. */
export const convexNorms = ['linf', 'l2', 'l1'] as const;
export type ConvexNorm = (typeof convexNorms)[number];

/** Norm of a perturbation. */
export type Norm = ConvexNorm | 'l0';

/** All norms. */
export const norms: readonly Norm[] = [...convexNorms, 'l0'];

/** @throws {ConfigError} unless `epsilon` is a radius: a number >= 0, in l0 a whole one. */
export function checkRadius(argument: string, epsilon: unknown, norm: Norm): asserts epsilon is number {
  if (norm === 'l0') checkInteger(argument, epsilon, { min: 0 }, 'a whole number of values in l0');
  else checkNumber(argument, epsilon, { min: 0 });
}
