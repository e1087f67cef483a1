/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011).
 *
 * Value `i` of a stream is word `i mod 4` of the block whose key is the seed (low word, high word) and whose
 * counter is (block low, block high, stream low, stream high) with block = floor(i / 4). The kernels use the same
 * layout, so both sides draw the same words. Only 32-bit integers, `+ - * /` and `Math.sqrt` are used: these are
 * exact in every engine, so a seed gives the same bits everywhere.
 * Normal values are drawn otherwise than by the kernels.
 */
import { ConfigError } from './errors.js';

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 2 ** 32;

/**
 * The register of all streams: where those of each use of a seed begin, so that no two uses draw the same numbers.
 * The kernels name one use themselves: dropout (crates/wasm/src/rng.rs), from 2^56 up to 2^57.
 */
export const STREAMS = {
  /** First values of parameters; one stream each. */
  initial: 0x1000,
  /** Order of the training samples; one an epoch. */
  order: 0x10000000,
  /** Starts of a training step's attack, drawn for a whole batch, and of what is measured after it; 64 a step. */
  trainingAttack: 0x18000000,
  /** Order of a shuffled dataset. */
  shuffle: 1 * TWO_32,
  /** Drawn figures; one an image. */
  figures: 2 * TWO_32,
  /** Their labels; one for every ten images. */
  figureLabels: 3 * TWO_32,
  /** Attacks, whose keys are their samples' own; one a step, 2^20 a restart. */
  attack: 4 * TWO_32,
  /** Neighbours of samples that are evaluated; one a sample. */
  neighbours: 2 ** 52,
  /** Mixtures of training samples; one a step. */
  mixture: 2 ** 52 + TWO_32,
  /** Augmentation of training samples; one a sample, 2^32 of them an epoch. */
  augmentation: 2 ** 52 + 2 ** 50,
  /** Directions that an analysis looks along; one a sample. */
  directions: 3 * 2 ** 51,
  /** Points that a training step's attack begins at; one a place in the batch, 2^20 of them a step. */
  trainingStart: 3 * 2 ** 51 + 2 ** 50,
  /** Options that a sweep draws; one a trial. */
  sweep: 2 ** 52 + 2 ** 49,
  /** Noise around a sample, whose keys are likewise; one a step, 2^32 of them. */
  noise: 2 ** 57,
} as const;

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const carry = Math.imul(aLow, bLow) >>> 16;
  const middle = (Math.imul(aHigh, bLow) + carry) >>> 0;
  const cross = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) >>> 0;
}

/** Replaces the counter in `block` (4 words) by the random block that belongs to it under `key` (2 words). */
export function philox4x32(block: Uint32Array, keyLow: number, keyHigh: number): void {
  let c0 = block[0];
  let c1 = block[1];
  let c2 = block[2];
  let c3 = block[3];
  let k0 = keyLow;
  let k1 = keyHigh;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(c0, MULTIPLIER_0);
    const low0 = Math.imul(c0, MULTIPLIER_0);
    const high1 = multiplyHigh(c2, MULTIPLIER_1);
    const low1 = Math.imul(c2, MULTIPLIER_1);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/**
 * The natural logarithm of a positive normal number, to about 1e-15 relative. `Math.log` may differ in the last
 * bits between engines; this does not.
 */
export function logarithm(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent--;
  }
  while (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  // ln m = 2 artanh s with |s| <= 0.172: eleven odd terms reach the last bit.
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series = 0;
  for (let odd = 21; odd >= 1; odd -= 2) series = series * square + 1 / odd;
  return exponent * Math.LN2 + 2 * s * series;
}

/** One stream of random numbers, drawn one after another. */
export class Random {
  readonly #keyLow: number;
  readonly #keyHigh: number;
  readonly #streamLow: number;
  readonly #streamHigh: number;
  readonly #block = new Uint32Array(4);
  #index = 0;
  #spareNormal: number | undefined;

  /**
   * @param seed which family of streams; a whole number from 0 to 2^53 - 1.
   * @param stream which stream of the family; likewise. Streams never overlap.
   */
  constructor(seed: number, stream: number) {
    checkSeed('seed', seed);
    checkSeed('stream', stream);
    this.#keyLow = seed >>> 0;
    this.#keyHigh = Math.floor(seed / TWO_32);
    this.#streamLow = stream >>> 0;
    this.#streamHigh = Math.floor(stream / TWO_32);
  }

  /** 32 random bits as an unsigned integer. */
  uint32(): number {
    const word = this.#index & 3;
    if (word === 0) {
      const block = this.#block;
      const number = this.#index / 4;
      block[0] = number;
      block[1] = Math.floor(number / TWO_32);
      block[2] = this.#streamLow;
      block[3] = this.#streamHigh;
      philox4x32(block, this.#keyLow, this.#keyHigh);
    }
    this.#index++;
    return this.#block[word];
  }

  /** Uniform in [0, 1) with 24 bits, so that the value is exact as a 32-bit float. */
  uniform(): number {
    return (this.uint32() >>> 8) / 2 ** 24;
  }

  /** A whole number from 0 to `below - 1`, each equally likely; `below` from 1 to 2^32. */
  integer(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > TWO_32) {
      throw new ConfigError(`below: expected a whole number from 1 to 2^32, got ${below}`);
    }
    // Words from the incomplete last range of `below` values would favour the small ones: draw again.
    const limit = TWO_32 - (TWO_32 % below);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % below;
  }

  /** Standard normal, by Marsaglia's polar method. */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    let u: number;
    let v: number;
    let square: number;
    do {
      u = (this.uint32() + 0.5) / 2 ** 31 - 1;
      v = (this.uint32() + 0.5) / 2 ** 31 - 1;
      square = u * u + v * v;
    } while (square >= 1);
    const scale = Math.sqrt((-2 * logarithm(square)) / square);
    this.#spareNormal = v * scale;
    return u * scale;
  }

  /** The numbers 0 to `n - 1` in random order (Fisher-Yates). */
  permutation(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const other = this.integer(i + 1);
      const value = order[i];
      order[i] = order[other];
      order[other] = value;
    }
    return order;
  }
}

/**
 * Checks that `value` can seed a generator.
 *
 * @throws {ConfigError} naming `argument`.
 */
export function checkSeed(argument: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ConfigError(`${argument}: expected a whole number from 0 to 2^53 - 1, got ${value}`);
  }
}
