/**
 * Proximal operators of norms under a metric that differs from value to value: the z that makes
 * sum_p scale_p (z_p - y_p)^2 / 2 + weight * |z| smallest, exactly, in place of y. Every value keeps its sign and none grows,
 * so that a change that is in the box stays there.
 *
 * - l1: each value shrinks by weight / scale.
 * - l0: a value stays where it is when what it would cost to give up is more than the weight, else it becomes 0.
 * - l2: z_p = scale_p y_p / (scale_p + weight / r) with r the length of z, the root of a falling function.
 * - linf: values are cut off at the level where what is cut off, times scale, adds up to the weight.
 */
import type { Norm } from './norms.js';

/**
 * @param values `[size]`, y; becomes z.
 * @param scale `[size]`, positive.
 * @param weight of the norm, >= 0.
 */
export type Proximal = (values: Float64Array, scale: Float64Array, weight: number) => void;

const l1: Proximal = (values, scale, weight) => {
  for (let p = 0; p < values.length; p++) {
    const left = Math.max(Math.abs(values[p]) - weight / scale[p], 0);
    values[p] = values[p] < 0 ? -left : left;
  }
};

const l0: Proximal = (values, scale, weight) => {
  for (let p = 0; p < values.length; p++) if (scale[p] * values[p] * values[p] <= 2 * weight) values[p] = 0;
};

const linf: Proximal = (values, scale, weight) => {
  // Newton's steps up a convex function that falls in straight pieces: never beyond the root, and there in a few.
  let level = 0;
  for (;;) {
    let over = -weight;
    let rate = 0;
    for (let p = 0; p < values.length; p++) {
      const above = Math.abs(values[p]) - level;
      if (above <= 0) continue;
      over += scale[p] * above;
      rate += scale[p];
    }
    const next = over > 0 ? level + over / rate : level;
    if (next === level) break;
    level = next;
  }
  for (let p = 0; p < values.length; p++) values[p] = Math.min(Math.max(values[p], -level), level);
};

const l2: Proximal = (values, scale, weight) => {
  if (weight === 0) return;
  // With s_p = scale_p y_p / (scale_p r + weight), r is the length of z where |s| is 1. 1 / |s| grows and is concave:
  // Newton's steps from r = 0 never go beyond the root, and arrive in a few.
  let r = 0;
  for (;;) {
    let squares = 0;
    let fall = 0;
    for (let p = 0; p < values.length; p++) {
      const under = scale[p] * r + weight;
      const s = (scale[p] * values[p]) / under;
      squares += s * s;
      fall += (s * s * scale[p]) / under;
    }
    const next = squares > 1 ? r + ((Math.sqrt(squares) - 1) * squares) / fall : r;
    if (next === r) break;
    r = next;
  }
  for (let p = 0; p < values.length; p++) values[p] *= (scale[p] * r) / (scale[p] * r + weight);
};

/** The proximal operator of each norm. */
export const proximal: Readonly<Record<Norm, Proximal>> = { linf, l2, l1, l0 };
