/**
 * An attack along the gradient of the loss smoothed by Gaussian noise: each gradient is the mean of those at points around
 * (randomised smoothing's attack: Salman et al. 2019; for noisy gradients: Athalye et al. 2018). The mean loss is what the
 * attack climbs and compares; whether a goal is reached is asked of the point itself, for that is what is graded.
 */
import { descriptor, integer, lazy, number, optional, type Schema, type Tagged, tagged } from '../../base/schema.js';
import type { NoiseStream } from '../../graph/antithetic.js';
import type { Ascent } from '../../graph/ascent.js';
import type { Loss } from '../../graph/losses.js';
import { defaultBatch, type Network } from '../../graph/network.js';
import type { Attack, AttackDescriptor } from '../core/attack.js';
import type { Goal } from '../core/goal.js';
import { balls } from '../core/norms.js';
import { type Climb, type LossGradient, type Passes, type RowLoss, Target, type Whole } from '../core/target.js';
import type { Watch } from '../core/watch.js';
import { type AttackSpec, unsmoothed } from '../table.js';

/** See `attacks.smoothed`. */
export interface SmoothedSpec {
  /** Tells it from other attacks. */
  type: 'smoothed';
  /** The attack inside. */
  attack: AttackSpec;
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** Gradients that each one is the mean of. */
  samples: number;
}

type Written = Pick<SmoothedSpec, 'type' | 'attack'> & Partial<SmoothedSpec>;

export const smoothedDescriptor: AttackDescriptor<'smoothed', Tagged<'smoothed', Written, SmoothedSpec>> = descriptor(
  tagged('smoothed', {
    attack: lazy((): Schema<AttackSpec> => unsmoothed),
    sigma: optional(number({ above: 0 }), 8 / 255),
    samples: optional(integer({ min: 1 }), 10),
  }),
  { gradient: 'surrogate' },
);

export const smoothed: Attack<SmoothedSpec> = ({ attack, sigma, samples }, batch) => {
  const draws = new Uint32Array(batch.count);
  const noise = (i: number): NoiseStream => batch.noise(i, draws[i]++);
  const target = batch.target.view(
    (network, whole) =>
      new SmoothedTarget(network, batch.target.goal, Number.POSITIVE_INFINITY, batch.target.watch, whole, {
        sigma,
        samples,
        noise,
      }),
  );
  return batch.run(attack, { target });
};

/** The noise around points. */
interface Smoothing {
  sigma: number;
  samples: number;
  /** What the next gradient of sample `i` draws from: it depends on nothing but how many it had before. */
  noise(i: number): NoiseStream;
}

/** A point's neighbours, one after another. */
interface Neighbours {
  points: Float32Array;
  /** The number of the point, and the sample that it belongs to, for each of them. */
  at: number[];
  of: number[];
}

/** A model whose gradients are means over noise. */
class SmoothedTarget extends Target {
  constructor(
    private readonly network: Network,
    goal: Goal,
    budget: number,
    watch: Watch,
    whole: Whole,
    private readonly smoothing: Smoothing,
  ) {
    super(network, goal, budget, watch, whole);
  }

  protected override like(network: Network, goal: Goal, budget: number, watch: Watch, whole: Whole): Target {
    const noise = (i: number): NoiseStream => this.smoothing.noise(whole.samples[i]);
    return new SmoothedTarget(network, goal, budget, watch, whole, { ...this.smoothing, noise });
  }

  override get gradientCost(): number {
    return 1 + this.smoothing.samples * super.gradientCost;
  }

  override get jacobianCost(): number {
    return 1 + this.smoothing.samples * super.jacobianCost;
  }

  /** The mean loss and its gradient; the logits of the points themselves. */
  override *gradient(points: Float32Array, of: readonly number[], loss: Loss | RowLoss): Passes<LossGradient> {
    const { size } = this;
    const logits = yield* this.logits(points, of);
    const losses = new Mean(of.length, 1, this.smoothing.samples);
    const gradient = new Mean(of.length, size, this.smoothing.samples);
    for (const near of this.#neighbours(points, of)) {
      const there = yield* super.gradient(near.points, near.of, loss);
      losses.add(there.losses, near.at);
      gradient.add(there.gradient, near.at);
    }
    return { losses: losses.values(), logits, gradient: gradient.values() };
  }

  override *jacobian(
    points: Float32Array,
    of: readonly number[],
  ): Passes<{ logits: Float32Array; gradients: Float32Array }> {
    const logits = yield* this.logits(points, of);
    const gradients = new Mean(of.length, this.classes * this.size, this.smoothing.samples);
    for (const near of this.#neighbours(points, of)) {
      gradients.add((yield* super.jacobian(near.points, near.of)).gradients, near.at);
    }
    return { logits, gradients: gradients.values() };
  }

  override *climb(ascent: Ascent, of: readonly number[], { loss, stops, step }: Climb): Passes<number[]> {
    const { logits, gradient } = yield* this.gradient(ascent.read(), of, loss);
    const still = stops ? this.atGoal(logits, of) : [];
    const move = (points: Float32Array, x: Float32Array) => balls[step.norm].step(points, gradient, x, this.size, step);
    ascent.moveBy(0, of.length, move, still);
    return still;
  }

  /** As many around each point as are wanted, in passes of bounded size. */
  *#neighbours(points: Float32Array, of: readonly number[]): Generator<Neighbours, void, void> {
    const { size } = this;
    const { sigma, samples } = this.smoothing;
    const streams = of.map((i) => this.smoothing.noise(i));
    const total = of.length * samples;
    for (let from = 0; from < total; from += defaultBatch) {
      const numbers = Array.from({ length: Math.min(defaultBatch, total - from) }, (_, j) => from + j);
      const at = numbers.map((j) => Math.floor(j / samples));
      const near = new Float32Array(numbers.length * size);
      for (const [place, j] of numbers.entries()) {
        const noise = this.network.noise(streams[at[place]], (j % samples) * size, size);
        const point = at[place] * size;
        for (let p = 0; p < size; p++) near[place * size + p] = points[point + p] + sigma * noise[p];
      }
      yield { points: near, at, of: at.map((a) => of[a]) };
    }
  }
}

/** Means of rows, added in the order that they come in. */
class Mean {
  readonly #sums: Float64Array;

  constructor(
    rows: number,
    private readonly size: number,
    private readonly count: number,
  ) {
    this.#sums = new Float64Array(rows * size);
  }

  /** Adds rows to those with the numbers `at`. */
  add(rows: Float32Array, at: readonly number[]): void {
    const { size } = this;
    for (const [from, to] of at.entries()) {
      for (let p = 0; p < size; p++) this.#sums[to * size + p] += rows[from * size + p];
    }
  }

  values(): Float32Array {
    return Float32Array.from(this.#sums, (sum) => sum / this.count);
  }
}
