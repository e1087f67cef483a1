/**
 * Points that climb a loss inside balls around others, in wasm memory: run through the network there, and moved there.
 * `[n, C, H, W]` outside, channels last inside.
 */
import { DivergedError } from '../base/errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { type Features, featureSize } from '../ops/op.js';
import type { Network } from './network.js';
import type { Cotangent } from './pass.js';

/** How a step goes. */
export interface AscentStep {
  norm: 'linf' | 'l2';
  stepSize: number;
  /** Radius of the ball. */
  epsilon: number;
}

/** What was found about points before they moved. */
export interface Evaluated {
  /** `[n, classes]`. */
  logits: Float32Array;
  /** `[n, size]` in wasm memory, channels last, valid until the next pass. */
  gradient: Float32Array;
  /** A copy of it, `[n, C, H, W]`. */
  copy(): Float32Array;
}

/** Made by `Network.ascent`, for a number of points; to be disposed. */
export class Ascent {
  #count: number;
  readonly #features: Features;
  readonly #size: number;
  readonly #bytes: number;
  readonly #points: number;
  readonly #origins: number;
  /** One batch in another order, or one sample. */
  readonly #spare: number;

  /**
   * @param x `[n, C, H, W]`: the centres of the balls.
   * @param points where the climb begins.
   * @throws {MemoryError}
   */
  constructor(
    private readonly network: Network,
    private readonly kernels: Kernels,
    x: Float32Array,
    points: Float32Array,
  ) {
    this.#features = network.graph.input;
    this.#size = featureSize(this.#features);
    this.#count = x.length / this.#size;
    this.#bytes = 4 * x.length;
    this.#points = kernels.allocate(3 * this.#bytes, 'points that climb');
    this.#origins = this.#points + this.#bytes;
    this.#spare = this.#origins + this.#bytes;
    this.#write(x, this.#origins);
    this.#write(points, this.#points);
  }

  /** Logits of the points `from ... from + n`, and the gradient of a loss; in one pass. @throws {DivergedError} */
  evaluate(from: number, n: number, cotangent: Cotangent): Evaluated {
    const pass = this.network.forwardAt({ pointer: this.#at(this.#points, from), order: 'channelsLast' }, n, {
      inputs: true,
    });
    const logits = pass.logits();
    if (typeof cotangent === 'function') pass.backward(cotangent(pass));
    else pass.backward(cotangent);
    if (!pass.hasFiniteGradient())
      throw new DivergedError('attack: expected finite gradients of the samples, got others');
    return { logits, gradient: pass.inputGradientView(), copy: () => pass.inputGradient() };
  }

  /** Moves the points `from ... from + n` along the gradient of their evaluation, but for those that stay. */
  move(from: number, n: number, gradient: Float32Array, step: AscentStep, stay: readonly number[]): void {
    const { exports } = this.kernels;
    const size = this.#size;
    for (const [i, at] of stay.entries()) exports.copy(size, this.#at(this.#points, at), this.#at(this.#spare, i));
    const places = [this.#at(this.#points, from), gradient.byteOffset, this.#at(this.#origins, from)] as const;
    const { norm, stepSize, epsilon } = step;
    const { c, h, w } = this.#features;
    if (norm === 'linf') exports.linf_step(n * size, ...places, stepSize, epsilon);
    else exports.l2_step(n, h * w, c, ...places, stepSize, epsilon);
    for (const [i, at] of stay.entries()) exports.copy(size, this.#at(this.#spare, i), this.#at(this.#points, at));
  }

  /**
   * Moves the points `from ... from + n` outside of wasm memory: `move` changes its first argument, `[n, C, H, W]`, and
   * sees the centres of their balls. Those that stay do.
   */
  moveBy(
    from: number,
    n: number,
    move: (points: Float32Array, origins: Float32Array) => void,
    stay: readonly number[],
  ): void {
    const size = this.#size;
    const points = this.#read(this.#points, from, n);
    const before = points.slice();
    move(points, this.#read(this.#origins, from, n));
    for (const at of stay) {
      const place = (at - from) * size;
      points.set(before.subarray(place, place + size), place);
    }
    this.#write(points, this.#at(this.#points, from));
  }

  /** Goes on with these points alone, given in ascending order. */
  keep(places: readonly number[]): void {
    for (const [to, at] of places.entries()) {
      if (to === at) continue;
      for (const base of [this.#points, this.#origins]) {
        this.kernels.exports.copy(this.#size, this.#at(base, at), this.#at(base, to));
      }
    }
    this.#count = places.length;
  }

  /** Copies of the points with these numbers, or of all, `[n, C, H, W]`. */
  read(places?: readonly number[]): Float32Array {
    if (places === undefined) return this.#read(this.#points, 0, this.#count);
    const result = new Float32Array(places.length * this.#size);
    for (const [i, at] of places.entries()) result.set(this.#read(this.#points, at, 1), i * this.#size);
    return result;
  }

  dispose(): void {
    this.kernels.free(this.#points, 3 * this.#bytes);
  }

  #at(base: number, sample: number): number {
    return base + 4 * sample * this.#size;
  }

  #write(values: Float32Array, target: number): void {
    const { c, h, w } = this.#features;
    this.kernels.f32(this.#spare, values.length).set(values);
    this.kernels.exports.nchw_to_nhwc(values.length / this.#size, c, h, w, this.#spare, target);
  }

  #read(base: number, from: number, n: number): Float32Array {
    const { c, h, w } = this.#features;
    this.kernels.exports.nhwc_to_nchw(n, c, h, w, this.#at(base, from), this.#spare);
    return this.kernels.f32(this.#spare, n * this.#size).slice();
  }
}
