/**
 * A model as an attack sees it: logits and input gradients, nothing else. Queries are counted by sample and held
 * against a budget; a run of many samples goes through the network in passes of bounded size and yields after each.
 */
import { ConfigError } from '../../base/errors.js';
import type { Loss } from '../../graph/losses.js';
import { defaultBatch, type Network } from '../../graph/network.js';
import { checkNumbers, type Goal } from './goal.js';

/** Samples evaluated forward, and backward. */
export interface Queries {
  forward: number;
  backward: number;
}

/** Yields after every pass: others may have their turn, and an abort takes effect. */
export type Passes<Result> = Generator<undefined, Result, void>;

/** Answers about `m` points: `[m]`, `[m, classes]` and `[m, size]`. */
export interface LossGradient {
  losses: Float32Array;
  logits: Float32Array;
  gradient: Float32Array;
}

/** What a gradient costs a sample: forward and backward. */
export const gradientCost = 2;

export class Target {
  readonly queries: Queries = { forward: 0, backward: 0 };
  readonly #network: Network;
  readonly #spent: Float64Array;

  /**
   * @param goal of the samples that are attacked; the loss of its classes rises, or falls when they are targets.
   * @param budget queries of each sample: forward plus backward.
   * @param watch sees every gradient.
   */
  constructor(
    network: Network,
    readonly goal: Goal,
    private readonly budget: number,
    readonly watch: SampleWatch,
  ) {
    this.#network = network;
    this.#spent = new Float64Array(goal.classes.length);
  }

  /** Values of one sample. */
  get size(): number {
    return this.#network.sampleSize;
  }

  get classes(): number {
    return this.#network.classes;
  }

  /** Queries that sample `i` may still ask. */
  left(i: number): number {
    return this.budget - this.#spent[i];
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
    this.#pay(of, 1);
    this.queries.forward += of.length;
    const result = new Float32Array(of.length * this.classes);
    for (let from = 0; from < of.length; from += defaultBatch) {
      const part = points.subarray(from * this.size, (from + defaultBatch) * this.size);
      result.set(this.#network.forward(part).logits(), from * this.classes);
      yield;
    }
    checkNumbers('logits', result);
    return result;
  }

  /**
   * The loss of each point, growing towards the goal of its sample, and the gradient of it. A cross entropy that is
   * saturated has the margin's gradient.
   *
   * @param of the sample that each point belongs to.
   * @throws {ConfigError} when the model has too few classes for the loss.
   */
  *gradient(points: Float32Array, of: readonly number[], loss: Loss): Passes<LossGradient> {
    this.#network.checkLoss(loss);
    this.#pay(of, gradientCost);
    this.queries.forward += of.length;
    this.queries.backward += of.length;
    const { size, classes, goal } = this;
    const scale = goal.direction;
    const result: LossGradient = {
      losses: new Float32Array(of.length),
      logits: new Float32Array(of.length * classes),
      gradient: new Float32Array(of.length * size),
    };
    for (let from = 0; from < of.length; from += defaultBatch) {
      const part = points.subarray(from * size, (from + defaultBatch) * size);
      const labels = of.slice(from, from + defaultBatch).map((i) => goal.classes[i]);
      const pass = this.#network.forward(part, { inputs: true });
      result.logits.set(pass.logits(), from * classes);
      const losses = pass.backward({ loss, labels, scale, unsaturated: true });
      result.losses.set(scale === 1 ? losses : losses.map((value) => -value), from);
      result.gradient.set(pass.inputGradient(), from * size);
      yield;
    }
    checkNumbers('logits', result.logits);
    checkNumbers('input gradients', result.gradient);
    this.watch.look(result.gradient, of, size);
    return result;
  }

  #pay(of: readonly number[], cost: number): void {
    for (const i of of) {
      this.#spent[i] += cost;
      // An attack asks `afford` before.
      if (this.#spent[i] > this.budget) throw new TypeError(`sample ${i} asked for more than ${this.budget} queries`);
    }
  }
}

/** Sees the gradients of some samples: which of them were asked for, and which were zero throughout. */
export class SampleWatch {
  asked = 0;
  zero = 0;
  /** By sample. 0: no gradient yet, 1: only zeros, 2: another one. */
  readonly #seen: Uint8Array;

  constructor(samples: number) {
    this.#seen = new Uint8Array(samples);
  }

  /** Samples that asked for gradients and saw nothing but zeros. */
  get blind(): number {
    return this.#seen.reduce((count, state) => count + Number(state === 1), 0);
  }

  /** @param gradient `[m, size]`, of the samples `of`. */
  look(gradient: Float32Array, of: readonly number[], size: number): void {
    for (const [at, i] of of.entries()) {
      let j = at * size;
      while (j < (at + 1) * size && gradient[j] === 0) j++;
      const zero = j === (at + 1) * size;
      this.asked++;
      this.zero += Number(zero);
      this.#seen[i] = zero ? Math.max(this.#seen[i], 1) : 2;
    }
  }
}

/** Gradients of all samples of an attack, batch by batch. */
export class GradientWatch {
  readonly #parts: SampleWatch[] = [];
  #samples = 0;

  /** Watches `n` samples more. */
  samples(n: number): SampleWatch {
    const part = new SampleWatch(n);
    this.#parts.push(part);
    this.#samples += n;
    return part;
  }

  /** What to tell the user: an attack that sees no gradient says nothing about a model. */
  warnings(attack: string): string[] {
    const sum = (count: (part: SampleWatch) => number) => this.#parts.reduce((total, part) => total + count(part), 0);
    const [asked, zero, blind] = [sum((p) => p.asked), sum((p) => p.zero), sum((p) => p.blind)];
    if (blind === 0 && zero <= asked / 10) return [];
    return [
      `${attack}: the gradient was zero for ${Math.round((100 * zero) / asked)} % of the queries; ` +
        `${blind} of ${this.#samples} samples saw no other`,
    ];
  }
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
