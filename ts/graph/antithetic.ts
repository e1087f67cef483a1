/**
 * Pairs of points on both sides of one, `point + sigma u` and `point - sigma u` with random directions u, in wasm memory:
 * drawn there, run through the network there, and summed there.
 */
import { STREAMS } from '../base/random.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Network } from './network.js';

/** Where directions are drawn from: direction `j` takes the values `size * j ... size * (j + 1)` of the stream. */
export interface NoiseStream {
  /** A whole number from 0 to 2^53 - 1. */
  seed: number;
  /** Which of the seed's streams, from 0 to 2^32 - 1. */
  draw: number;
}

/** What directions are: normal values, or 1 and -1 at equal odds, the signs of these. */
export type Directions = 'normal' | 'signs';

/** Made by `Network.antithetic`, for at most so many pairs at a time; to be disposed. */
export class Antithetic {
  readonly #blocks: { pointer: number; bytes: number }[] = [];
  readonly #point: number;
  /** `[pairs, size]`. */
  readonly #directions: number;
  /** `[2, pairs, size]`: all points on one side, then those on the other. */
  readonly #queries: number;
  /** `[pairs]` and `[size]`, of 64 bits. */
  readonly #weights: number;
  readonly #sums: number;

  /** @throws {MemoryError} */
  constructor(
    private readonly network: Network,
    private readonly kernels: Kernels,
    private readonly stream: NoiseStream,
    pairs: number,
  ) {
    const size = network.sampleSize;
    try {
      this.#point = this.#allocate(4 * size);
      this.#directions = this.#allocate(4 * pairs * size);
      this.#queries = this.#allocate(8 * pairs * size);
      this.#weights = this.#allocate(8 * pairs);
      this.#sums = this.#allocate(8 * size);
    } catch (error) {
      this.dispose();
      throw error;
    }
    kernels.f64(this.#sums, size).fill(0);
  }

  /** Draws `pairs` pairs, from number `first` on, around `point` `[size]`. */
  draw(point: Float32Array, first: number, pairs: number, sigma: number, kind: Directions): void {
    const { kernels, stream } = this;
    const size = point.length;
    kernels.f32(this.#point, size).set(point);
    const { exports } = kernels;
    const places = [this.#point, this.#directions, this.#queries] as const;
    exports.antithetic_queries(stream.seed, STREAMS.noise / 2 ** 32, stream.draw, first, pairs, size, sigma, ...places);
    if (kind === 'normal') return;
    const directions = kernels.f32(this.#directions, pairs * size);
    const queries = kernels.f32(this.#queries, 2 * pairs * size);
    for (let pair = 0; pair < pairs; pair++) {
      for (let p = 0; p < size; p++) {
        const at = pair * size + p;
        const sign = directions[at] < 0 ? -1 : 1;
        directions[at] = sign;
        queries[at] = point[p] + sigma * sign;
        queries[directions.length + at] = point[p] - sigma * sign;
      }
    }
  }

  /** Logits `[n, classes]` of the points from number `from` on, of those drawn last. */
  logits(from: number, n: number): Float32Array {
    const pointer = this.#queries + 4 * from * this.network.sampleSize;
    return this.network.forwardAt({ pointer, order: 'channelsFirst' }, n).logits();
  }

  /** Adds each direction times its weight to the sums. */
  add(weights: Float64Array): void {
    const { kernels } = this;
    kernels.f64(this.#weights, weights.length).set(weights);
    const size = this.network.sampleSize;
    kernels.exports.antithetic_sum(weights.length, size, this.#weights, this.#directions, this.#sums);
  }

  /** A copy of the sums, `[size]`. */
  sums(): Float64Array {
    return this.kernels.f64(this.#sums, this.network.sampleSize).slice();
  }

  dispose(): void {
    for (const { pointer, bytes } of this.#blocks.splice(0)) this.kernels.free(pointer, bytes);
  }

  #allocate(bytes: number): number {
    const pointer = this.kernels.allocate(bytes, 'the points around a sample');
    this.#blocks.push({ pointer, bytes });
    return pointer;
  }
}
