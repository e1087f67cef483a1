/** The samples of one run of an attack, with streams of random numbers of their own: what {@link Batch} promises. */
import { Random, STREAMS } from '../../base/random.js';
import type { Network } from '../../graph/network.js';
import { implementationOf } from '../implementations.js';
import type { AttackSpec } from '../table.js';
import type { Attack, Batch } from './attack.js';
import { sampleKey } from './keys.js';
import { checkSource, Target } from './target.js';

/** What the streams of an attack's samples depend on. */
export interface Context {
  network: Network;
  x: Float32Array;
  target: Target;
  epsilon: number;
  seed: number;
  /** In training, all samples of a step draw from one stream in their order: a batch is its unit. */
  random?: Random;
  warn(message: string): void;
  source(id: string): Network;
}

/** Steps of one restart have streams apart. */
const stepsPerRestart = 2 ** 20;

/** Starts an attack on samples. */
export function start(spec: AttackSpec, context: Context): ReturnType<Attack<AttackSpec>> {
  return implementationOf(spec)(spec, batchFor(spec, context));
}

function batchFor({ type }: AttackSpec, context: Context): Batch {
  const { network, x, target, epsilon, seed, random, warn, source } = context;
  const { size, goal } = target;
  const keys = new Map<number, number>();
  const keyOf = (i: number): number => {
    const known = keys.get(i);
    if (known !== undefined) return known;
    const key = sampleKey(seed, type, x.subarray(i * size, (i + 1) * size), goal.classes[i]);
    keys.set(i, key);
    return key;
  };
  return {
    x,
    count: x.length / size,
    target,
    epsilon,
    random: (i, restart = 0, step = 0) =>
      random ?? new Random(keyOf(i), STREAMS.attack + restart * stepsPerRestart + step),
    noise: (i, draw) => ({ seed: keyOf(i), draw }),
    warn,
    source,
    run(inner, model) {
      if (model === undefined) return start(inner, context);
      checkSource(model, network);
      return start(inner, {
        ...context,
        network: model,
        target: new Target(model, goal, Number.POSITIVE_INFINITY, target.watch),
      });
    },
  };
}
