/** The samples of one run of an attack, with streams of random numbers of their own: what {@link Batch} promises. */
import { Random, STREAMS } from '../../base/random.js';
import type { Network } from '../../graph/network.js';
import { implementationOf } from '../implementations.js';
import { type AttackSpec, normOf } from '../table.js';
import { type Attack, type AttackStage, all, type Batch, pick } from './attack.js';
import { grade } from './grading.js';
import { sampleKey } from './keys.js';
import { balls } from './norms.js';
import { checkSource, Target } from './target.js';
import { watchPart } from './watch.js';

/** What the streams of an attack's samples depend on, and where what is said of them goes. */
export interface Context {
  network: Network;
  x: Float32Array;
  target: Target;
  epsilon: number;
  seed: number;
  /** Tells apart the runs of an attack inside another. */
  attempt: number;
  /** In training, all samples of a step draw from one stream in their order: a batch is its unit. */
  random?: Random;
  warn(message: string): void;
  failed(i: number, reason: string): void;
  stage(done: AttackStage): void;
  /** So many samples were graded inside the attack. */
  graded(count: number): void;
  /** The model of this id, which is going to be asked. */
  source(id: string): Network;
}

/** Steps of one restart have streams apart. */
const stepsPerRestart = 2 ** 20;

/** Starts an attack on samples. */
export function start(spec: AttackSpec, context: Context): ReturnType<Attack<AttackSpec>> {
  return implementationOf(spec)(spec, batchFor(spec, context));
}

function batchFor(outer: AttackSpec, context: Context): Batch {
  const { network, x, target, epsilon, seed, attempt, random, warn, failed, stage, source } = context;
  const { size, goal } = target;
  const count = x.length / size;
  const keys = new Map<number, number>();
  const keyOf = (i: number): number => {
    const known = keys.get(i);
    if (known !== undefined) return known;
    const key = sampleKey(seed, outer.type, x.subarray(i * size, (i + 1) * size), goal.classes[i], attempt);
    keys.set(i, key);
    return key;
  };
  return {
    x,
    count,
    target,
    epsilon,
    random: (i, restart = 0, step = 0) =>
      random ?? new Random(keyOf(i), STREAMS.attack + restart * stepsPerRestart + step),
    noise: (i, draw) => ({ seed: keyOf(i), draw }),
    warn,
    failed,
    stage,
    source,
    run(spec, { samples = all(count), model, target: own, attempt: number = 0, ...inner } = {}) {
      const whole = samples.length === count && samples.every((sample, at) => sample === at);
      const shared = {
        ...context,
        ...inner,
        x: whole ? x : pick(x, samples, size),
        attempt: number === 0 ? attempt : (Math.imul(attempt, 0x01000193) + number) | 0,
        failed: (i: number, reason: string) => failed(samples[i], reason),
      };
      if (model === undefined) {
        const asks = own ?? (whole ? target : target.part(samples));
        return start(spec, { ...shared, target: asks });
      }
      checkSource(model, network);
      return start(spec, {
        ...shared,
        network: model,
        target: new Target(
          model,
          goal.subset(samples),
          Number.POSITIVE_INFINITY,
          watchPart(target.watch, samples, true),
        ),
      });
    },
    *grade(candidates, samples, radius = epsilon) {
      context.graded(samples.length);
      const ball = balls[normOf(outer)];
      return yield* grade(network, ball, goal.subset(samples), pick(x, samples, size), candidates, radius);
    },
  };
}
