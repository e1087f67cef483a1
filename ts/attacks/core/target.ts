/**
 * A model as an attack sees it: logits and input gradients, nothing else. Queries are counted by sample and held
 * against a budget; a run of many samples goes through the network in passes of bounded size and yields after each.
 */
import { ConfigError } from '../../base/errors.js';
import type { Directions, NoiseStream } from '../../graph/antithetic.js';
import type { Ascent } from '../../graph/ascent.js';
import type { Loss } from '../../graph/losses.js';
import { defaultBatch, type Network } from '../../graph/network.js';
import type { LossCotangent } from '../../graph/pass.js';
import { argmax } from '../../graph/predictions.js';
import type { Surrogate } from '../../ops/kwta.js';
import type { Features } from '../../ops/op.js';
import { all } from './attack.js';
import { checkNumbers, type Goal } from './goal.js';
import { balls, type Norm } from './norms.js';
import { type Watch, watchPart } from './watch.js';

/** Samples evaluated forward, and backward. */
export interface Queries {
  forward: number;
  backward: number;
}

/** Yields after every pass: others may have their turn, and an abort takes effect. */
export type Passes<Result> = Generator<undefined, Result, void>;

/**
 * A loss that is not among the named ones: the value of a row of logits of sample `i`, growing towards its goal. Writes
 * the gradient by the logits into `cotangent`, which holds zeros.
 */
export type RowLoss = (logits: Float32Array, i: number, cotangent: Float32Array) => number;

/** Answers about `m` points: `[m]`, `[m, classes]` and `[m, size]`. */
export interface LossGradient {
  losses: Float32Array;
  logits: Float32Array;
  gradient: Float32Array;
}

/** Pairs of points around one. */
export interface AntitheticDraw {
  stream: NoiseStream;
  pairs: number;
  /** Length of a direction's unit, in pixels. */
  sigma: number;
  directions: Directions;
}

/** How a step of a climb goes. */
export interface ClimbStep {
  norm: Norm;
  stepSize: number;
  /** Radius of the ball. */
  epsilon: number;
}

/** How a point climbs. */
export interface Climb {
  loss: Loss;
  /** Points that are at their goal stay where they are. */
  stops: boolean;
  step: ClimbStep;
}

/** A target that another one is a part of, or a view of, and which pays with it; and the numbers of the samples there. */
export interface Whole {
  target: Target;
  samples: readonly number[];
}

/** Directions drawn at once: bounds memory. */
const pairsAtOnce = 128;

const gradientQueries: Queries = { forward: 1, backward: 1 };

/** What a gradient costs a sample. */
const gradientCost = gradientQueries.forward + gradientQueries.backward;

export class Target {
  readonly queries: Queries = { forward: 0, backward: 0 };
  readonly #network: Network;
  readonly #forward: Float64Array;
  readonly #backward: Float64Array;
  readonly #whole: Whole | undefined;

  /**
   * @param goal of the samples that are attacked; the loss of its classes rises, or falls when they are targets.
   * @param budget queries of each sample: forward plus backward.
   * @param watch sees what is answered.
   * @param whole pays with this one.
   */
  constructor(
    network: Network,
    readonly goal: Goal,
    private readonly budget: number,
    readonly watch: Watch,
    whole?: Whole,
  ) {
    this.#network = network;
    this.#whole = whole;
    this.#forward = new Float64Array(goal.classes.length);
    this.#backward = new Float64Array(goal.classes.length);
  }

  /** Values of one sample. */
  get size(): number {
    return this.#network.sampleSize;
  }

  /** Shape of one sample. */
  get input(): Features {
    return this.#network.graph.input;
  }

  get classes(): number {
    return this.#network.classes;
  }

  /** Queries that sample `i` may still ask. */
  left(i: number): number {
    const left = this.budget - this.asked(i);
    return this.#whole === undefined ? left : Math.min(left, this.#whole.target.left(this.#whole.samples[i]));
  }

  /** Queries that sample `i` has asked. */
  asked(i: number): number {
    return this.#forward[i] + this.#backward[i];
  }

  /** The same by kind. */
  queriesOf(i: number): Queries {
    return { forward: this.#forward[i], backward: this.#backward[i] };
  }

  /** The same model for some of the samples, numbered anew, which may ask `budget` queries each and pay here, too. */
  part(samples: readonly number[], budget = Number.POSITIVE_INFINITY): Target {
    const watch = watchPart(this.watch, samples);
    return this.like(this.#network, this.goal.subset(samples), budget, watch, { target: this, samples });
  }

  /** The same samples, seen in another way; pays here. */
  view(make: (network: Network, whole: Whole) => Target): Target {
    return make(this.#network, { target: this, samples: all(this.goal.classes.length) });
  }

  /** The same samples with another backward in the k-WTA layers, which pays here; nothing when there are none. */
  withBackward(surrogate: Surrogate): Target | undefined {
    const twin = this.#network.withBackward(surrogate);
    const { goal, watch } = this;
    return twin && this.view((_, whole) => this.like(twin, goal, Number.POSITIVE_INFINITY, watch, whole));
  }

  /** A target that asks in the way that this one does. */
  protected like(network: Network, goal: Goal, budget: number, watch: Watch, whole: Whole): Target {
    return new Target(network, goal, budget, watch, whole);
  }

  /** What a gradient costs a sample. */
  get gradientCost(): number {
    return gradientCost;
  }

  /** What the gradients of all logits cost a sample. */
  get jacobianCost(): number {
    return 1 + this.classes;
  }

  /** Those of the samples that can pay `cost` more queries each. */
  afford(samples: readonly number[], cost: number): number[] {
    return samples.filter((i) => this.left(i) >= cost);
  }

  /**
   * Logits `[m, classes]` of points `[m, size]`.
   *
   * @param of the sample that each point belongs to, and whose query it is.
   */
  *logits(points: Float32Array, of: readonly number[]): Passes<Float32Array> {
    this.#pay(of, { forward: 1, backward: 0 });
    const result = new Float32Array(of.length * this.classes);
    for (let from = 0; from < of.length; from += defaultBatch) {
      const part = points.subarray(from * this.size, (from + defaultBatch) * this.size);
      result.set(this.#network.forward(part).logits(), from * this.classes);
      yield;
    }
    checkNumbers('logits', result);
    this.watch.see({ of, logits: result, point: this.#pointOf(points) });
    return result;
  }

  /** Whether points `[m, size]` are at the goals of their samples, and nothing else: one query each. */
  *decisions(points: Float32Array, of: readonly number[]): Passes<boolean[]> {
    const there = new Set(this.atGoal(yield* this.logits(points, of), of));
    return of.map((_, at) => there.has(at));
  }

  /**
   * The loss of each point, growing towards the goal of its sample, and the gradient of it; that of a saturated cross
   * entropy is as in {@link LossCotangent}.
   *
   * @param of the sample that each point belongs to.
   * @throws {ConfigError} when the model has too few classes for the loss.
   */
  *gradient(points: Float32Array, of: readonly number[], loss: Loss | RowLoss): Passes<LossGradient> {
    if (typeof loss === 'string') this.#network.checkLoss(loss);
    this.#pay(of, gradientQueries);
    const { size, goal } = this;
    const parts: LossGradient[] = [];
    for (let from = 0; from < of.length; from += defaultBatch) {
      const part = points.subarray(from * size, (from + defaultBatch) * size);
      const pass = this.#network.forward(part, { inputs: true });
      const logits = pass.logits();
      const samples = of.slice(from, from + defaultBatch);
      let losses: Float32Array;
      if (typeof loss === 'string') {
        losses = pass.backward(this.#towardsGoal(loss, samples));
        if (goal.direction === -1) losses = losses.map((value) => -value);
      } else {
        const cotangent = new Float32Array(logits.length);
        losses = rowLosses(loss, logits, samples, cotangent);
        pass.backward(cotangent);
      }
      parts.push({ logits, losses, gradient: pass.inputGradient() });
      yield;
    }
    const joined = (key: keyof LossGradient) => joinedArrays(parts.map((part) => part[key]));
    const result = { losses: joined('losses'), logits: joined('logits'), gradient: joined('gradient') };
    checkNumbers('logits', result.logits);
    checkNumbers('input gradients', result.gradient);
    this.watch.see({ of, logits: result.logits, gradient: result.gradient, point: this.#pointOf(points) });
    return result;
  }

  /**
   * Logits `[m, classes]` of points, and the gradients of all of them, `[m, classes, size]`: one query forward and one
   * backward for each class.
   *
   * @param of the sample that each point belongs to.
   */
  *jacobian(points: Float32Array, of: readonly number[]): Passes<{ logits: Float32Array; gradients: Float32Array }> {
    const { size, classes } = this;
    this.#pay(of, { forward: 1, backward: classes });
    const logits = new Float32Array(of.length * classes);
    const gradients = new Float32Array(of.length * classes * size);
    for (let from = 0; from < of.length; from += defaultBatch) {
      const n = Math.min(defaultBatch, of.length - from);
      const part = points.subarray(from * size, (from + n) * size);
      const pass = this.#network.forward(part, { inputs: true, retain: true });
      logits.set(pass.logits(), from * classes);
      for (let j = 0; j < classes; j++) {
        pass.backward(Float32Array.from({ length: n * classes }, (_, i) => Number(i % classes === j)));
        const gradient = pass.inputGradient();
        for (let s = 0; s < n; s++) {
          gradients.set(gradient.subarray(s * size, (s + 1) * size), ((from + s) * classes + j) * size);
        }
      }
      yield;
    }
    checkNumbers('logits', logits);
    checkNumbers('input gradients', gradients);
    this.watch.see({ of, logits, gradient: gradients, point: this.#pointOf(points) });
    return { logits, gradients };
  }

  /** Points that climb inside balls around `x`; to be disposed. @throws {MemoryError} */
  ascent(x: Float32Array, points: Float32Array): Ascent {
    return this.#network.ascent(x, points);
  }

  /**
   * One step of all points of an ascent along the gradient of a loss, which grows towards the goal.
   *
   * @param of the sample that each point belongs to.
   * @returns those that were at their goal before the step, when they stop.
   * @throws {ConfigError} when the model has too few classes for the loss.
   */
  *climb(ascent: Ascent, of: readonly number[], { loss, stops, step }: Climb): Passes<number[]> {
    this.#network.checkLoss(loss);
    this.#pay(of, gradientQueries);
    const { size } = this;
    const there: number[] = [];
    for (let from = 0; from < of.length; from += defaultBatch) {
      const samples = of.slice(from, from + defaultBatch);
      const evaluated = ascent.evaluate(from, samples.length, this.#towardsGoal(loss, samples));
      const { logits, gradient } = evaluated;
      checkNumbers('logits', logits);
      this.watch.see({ of: samples, logits, gradient, point: (at) => ascent.read([from + at]) });
      const still = stops ? this.atGoal(logits, samples).map((at) => from + at) : [];
      const { norm } = step;
      if (norm === 'l1' || norm === 'l0') {
        const slopes = evaluated.copy();
        const move = (points: Float32Array, x: Float32Array) => balls[norm].step(points, slopes, x, size, step);
        ascent.moveBy(from, samples.length, move, still);
      } else ascent.move(from, samples.length, gradient, { ...step, norm }, still);
      there.push(...still);
      yield;
    }
    return there;
  }

  /**
   * The sum over `pairs` random directions u of (m(x + sigma u) - m(x - sigma u)) u, with m the margin of sample `i` and
   * x a point of its; two queries for each.
   */
  *antithetic(
    point: Float32Array,
    i: number,
    { stream, pairs, sigma, directions }: AntitheticDraw,
  ): Passes<Float64Array> {
    this.#pay([i], { forward: 2 * pairs, backward: 0 });
    const { classes, goal } = this;
    const around = this.#network.antithetic(stream, Math.min(pairs, pairsAtOnce));
    try {
      for (let first = 0; first < pairs; first += pairsAtOnce) {
        const n = Math.min(pairsAtOnce, pairs - first);
        around.draw(point, first, n, sigma, directions);
        const margins = new Float64Array(2 * n);
        for (let from = 0; from < 2 * n; from += defaultBatch) {
          const logits = around.logits(from, Math.min(defaultBatch, 2 * n - from));
          checkNumbers('logits', logits);
          for (let at = 0; at < logits.length / classes; at++) {
            margins[from + at] = goal.margin(logits.subarray(at * classes, (at + 1) * classes), i);
          }
          yield;
        }
        around.add(margins.subarray(0, n).map((margin, j) => margin - margins[n + j]));
      }
      return around.sums();
    } finally {
      around.dispose();
    }
  }

  /** Which of the rows of logits reach the goals of these samples. */
  atGoal(logits: Float32Array, of: readonly number[]): number[] {
    const answers = argmax(logits, this.classes);
    return all(of.length).filter((at) => this.goal.reached(answers[at], of[at]));
  }

  #pointOf(points: Float32Array): (at: number) => Float32Array {
    return (at) => points.subarray(at * this.size, (at + 1) * this.size);
  }

  /** A loss that grows as these samples come nearer to their goals. */
  #towardsGoal(loss: Loss, samples: readonly number[]): LossCotangent {
    const { classes, direction } = this.goal;
    return { loss, labels: samples.map((i) => classes[i]), scale: direction, unsaturated: true };
  }

  /** Counts what each of the samples asks. */
  #pay(of: readonly number[], { forward, backward }: Queries): void {
    this.queries.forward += of.length * forward;
    this.queries.backward += of.length * backward;
    for (const i of of) {
      this.#forward[i] += forward;
      this.#backward[i] += backward;
      // An attack asks `afford` before.
      if (this.asked(i) > this.budget) throw new TypeError(`sample ${i} asked for more than ${this.budget} queries`);
    }
    if (this.#whole === undefined) return;
    const { target, samples } = this.#whole;
    target.#pay(
      of.map((i) => samples[i]),
      { forward, backward },
    );
  }
}

/** The losses of rows of logits, and their gradients by them. */
function rowLosses(loss: RowLoss, logits: Float32Array, of: readonly number[], cotangent: Float32Array): Float32Array {
  const classes = logits.length / of.length;
  const row = (values: Float32Array, at: number) => values.subarray(at * classes, (at + 1) * classes);
  return Float32Array.from(of, (i, at) => loss(row(logits, at), i, row(cotangent, at)));
}

/** One array of all; the only one itself. */
function joinedArrays(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const result = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** @throws {ConfigError} unless a source answers to the same samples with the same classes as the target. */
export function checkSource(source: Network, target: Network): void {
  const text = ({ graph, classes }: Network): string => {
    const { c, h, w } = graph.input;
    return `input [${c}, ${h}, ${w}] and ${classes} classes`;
  };
  if (text(source) !== text(target)) {
    throw new ConfigError(`transfer.source: expected a model with ${text(target)}, got ${text(source)}`);
  }
}
