/**
 * Points on a segment where a network was evaluated. With what its layers chose there it is an affine function of the
 * point, which holds from the last change before to the next one behind.
 */
import { DivergedError } from '../base/errors.js';
import type { Network } from '../graph/network.js';
import type { ChoiceKind, Features } from '../ops/op.js';
import { choiceOf, type Exit } from './exits.js';

/** Where an affine piece ends, as it was foreseen. */
export interface Bound extends Omit<Exit, 'step'> {
  t: number;
  /** Number of the layer, among those that choose. */
  layer: number;
}

/** A point on the segment; the piece that it lies on. */
export interface Anchor {
  t: number;
  /** What each layer chose. */
  choices: Uint32Array[];
  /** Ends of the piece; none where none was found in the gap that it was looked for in. */
  lower: Bound | undefined;
  upper: Bound | undefined;
  logits: Float32Array;
  /** By t. */
  slopes: Float32Array;
}

/** A point between two others. */
export interface Gap {
  low: number;
  t: number;
  high: number;
}

/** A layer that chooses, and the extents of what it compares. */
export interface SegmentLayer extends Features {
  layer: string;
  kind: ChoiceKind;
}

/** The straight way from one sample, at t = 0, to another, at t = 1. */
export class Segment {
  readonly #direction: Float32Array;
  /**
   * Points nearer to each other than this (in t) are one, for 32-bit pixels: four units in the last place of the largest
   * pixel, divided by the largest change of one.
   */
  readonly resolution: number;
  readonly length: number;
  /** Points evaluated until now. */
  evaluations = 0;

  constructor(
    private readonly network: Network,
    private readonly from: Float32Array,
    private readonly to: Float32Array,
  ) {
    this.#direction = to.map((value, i) => value - from[i]);
    let largest = 0;
    let change = 0;
    let squares = 0;
    for (const [i, value] of to.entries()) {
      largest = Math.max(largest, Math.abs(value), Math.abs(from[i]));
      change = Math.max(change, Math.abs(value - from[i]));
      squares += (value - from[i]) ** 2;
    }
    this.resolution = change > 0 ? Math.min(1, (largest / change) * 2 ** -21) : 1;
    this.length = Math.sqrt(squares);
  }

  /** In the order of computation. @throws {ConfigError} naming a layer that is not affine between its choices. */
  layers(): SegmentLayer[] {
    const { layers } = this.network.choices(this.from, this.#direction);
    return layers.map(({ layer, kind, features }) => ({ layer, kind, ...features }));
  }

  /**
   * Evaluates points. Their pieces are known to lie between others, and their ends are looked for there.
   *
   * @throws {DivergedError} where the network gives no numbers.
   */
  evaluate(gaps: readonly Gap[]): Anchor[] {
    this.evaluations += gaps.length;
    const size = this.from.length;
    const x = new Float32Array(gaps.length * size);
    const directions = new Float32Array(x.length);
    for (const [s, { t }] of gaps.entries()) {
      for (let i = 0; i < size; i++) x[s * size + i] = this.from[i] + t * (this.to[i] - this.from[i]);
      directions.set(this.#direction, s * size);
    }
    const pass = this.network.choices(x, directions);
    const { classes } = this.network;
    const logits = pass.logits();
    const slopes = pass.slopes();
    return gaps.map(({ t, low, high }, s) => {
      const anchor: Anchor = {
        t,
        choices: [],
        lower: undefined,
        upper: undefined,
        logits: logits.slice(s * classes, (s + 1) * classes),
        slopes: slopes.slice(s * classes, (s + 1) * classes),
      };
      checkNumbers(anchor);
      for (const [layer, choices] of pass.layers.entries()) {
        const choice = choiceOf(choices, s);
        anchor.choices.push(choice.words);
        const before = choice.exit(-1, t - (anchor.lower?.t ?? low));
        if (before !== undefined) anchor.lower = boundOf(before, layer, t - before.step);
        const behind = choice.exit(1, (anchor.upper?.t ?? high) - t);
        if (behind !== undefined) anchor.upper = boundOf(behind, layer, t + behind.step);
      }
      return anchor;
    });
  }
}

function boundOf({ step: _, ...exit }: Exit, layer: number, t: number): Bound {
  return { ...exit, layer, t };
}

function checkNumbers({ t, logits, slopes }: Anchor): void {
  for (const values of [logits, slopes]) {
    for (const value of values) {
      if (!Number.isFinite(value)) {
        throw new DivergedError(`expected finite logits and slopes along the segment, got ${value} at t = ${t}`);
      }
    }
  }
}
