/**
 * What the layers of a network chose in a pass, sample by sample: the winners of k-WTA, the units that ReLU lets through,
 * the maxima of windows; with the values that they compared and, where the pass was told directions, the slopes of these.
 * Places are those of memory, channels last: `pixel * C + channel`.
 */
import type { Kernels } from '../kernels/kernels.js';
import { type ChoiceKind, compressedArguments, type Features, featureSize, type WinnerScope } from '../ops/op.js';
import type { Pass } from './pass.js';
import type { Chosen } from './plan.js';

/** One layer that chooses; readable until the next pass. */
export class LayerChoices {
  constructor(
    private readonly chosen: Chosen,
    private readonly kernels: Kernels,
    readonly n: number,
  ) {}

  get layer(): string {
    return this.chosen.layer;
  }

  get kind(): ChoiceKind {
    return this.chosen.choice.kind;
  }

  /** Extents of what is compared. */
  get features(): Features {
    return this.chosen.choice.input.features;
  }

  /** What is compared, where it lies. */
  values(sample: number): Float32Array {
    return this.#sample(this.chosen.choice.input.data.pointer, sample);
  }

  /** Its derivative along the sample's direction, where it lies. */
  slopes(sample: number): Float32Array {
    const { slope } = this.chosen;
    if (slope === undefined) throw new TypeError('the pass was not told directions');
    const slopes = this.#sample(slope.data.pointer, sample);
    const { choice } = this.chosen;
    if (choice.kind !== 'kwta' || choice.factors === undefined) return slopes;
    const { c } = this.features;
    const factors = this.kernels.f32(choice.factors.pointer, c);
    return slopes.map((value, place) => value * factors[place % c]);
  }

  /** Which units of a k-WTA layer share winners, and how many these are at least. */
  get winnersOfEach(): { scope: WinnerScope; k: number } {
    const { choice } = this.chosen;
    if (choice.kind !== 'kwta') throw new TypeError('expected k-WTA');
    return choice;
  }

  /** Places of the units of a k-WTA or ReLU layer whose values pass, ascending. */
  winners(sample: number): Uint32Array {
    const { choice } = this.chosen;
    const { c, h, w } = this.features;
    if (choice.kind === 'relu') {
      const values = this.values(sample);
      const places = new Uint32Array(values.length);
      let count = 0;
      for (let place = 0; place < values.length; place++) if (values[place] > 0) places[count++] = place;
      return places.slice(0, count);
    }
    if (choice.kind !== 'kwta') throw new TypeError('a window has a maximum of its own');
    const { start, channel, capacity } = choice.chosen;
    const starts = this.kernels.u32(start.pointer + 4 * sample * (h * w + 1), h * w + 1);
    const channels = this.kernels.u32(channel.pointer + 4 * sample * capacity, starts[h * w]);
    const places = new Uint32Array(channels.length);
    for (let pixel = 0; pixel < h * w; pixel++) {
      for (let i = starts[pixel]; i < starts[pixel + 1]; i++) places[i] = pixel * c + channels[i];
    }
    return places;
  }

  /** Windows of max pooling, and the pixels of their maxima, where they lie. */
  windows(sample: number): { argmax: Uint32Array; output: Features; kernel: number; stride: number; padding: number } {
    const { choice } = this.chosen;
    if (choice.kind !== 'maxPool') throw new TypeError('expected max pooling');
    const { output, kernel, stride, padding, argmax } = choice;
    const size = featureSize(output);
    return { argmax: this.kernels.u32(argmax.pointer + 4 * sample * size, size), output, kernel, stride, padding };
  }

  #sample(pointer: number, sample: number): Float32Array {
    const size = featureSize(this.features);
    return this.kernels.f32(pointer + 4 * sample * size, size);
  }
}

/** A pass whose choices can be read. */
export class Choices {
  readonly layers: readonly LayerChoices[];

  constructor(
    private readonly pass: Pass,
    kernels: Kernels,
  ) {
    this.layers = pass.plan.chosen.map((chosen) => new LayerChoices(chosen, kernels, pass.n));
  }

  /** A copy, `[n, classes]`. */
  logits(): Float32Array {
    return this.pass.logits();
  }

  /** A copy of their derivatives along the directions, `[n, classes]`. */
  slopes(): Float32Array {
    return this.pass.plan.readLogitsTangent(this.pass.n);
  }
}

/** The index in C, H, W order of a place in memory. */
export function channelsFirstIndex(place: number, { c, h, w }: Features): number {
  return (place % c) * h * w + Math.floor(place / c);
}

/** Winners of the k-WTA layers of a pass: per layer and sample, C, H, W indices, ascending. */
export function winnersByLayer({ plan, n }: Pass, kernels: Kernels): Map<string, Uint32Array[]> {
  const result = new Map<string, Uint32Array[]>();
  for (const { layer, choice } of plan.chosen) {
    if (choice.kind !== 'kwta') continue;
    const { capacity, features, start } = choice.chosen;
    const pixels = features.h * features.w;
    const starts = kernels.u32(start.pointer, n * (pixels + 1));
    const counts = Array.from({ length: n }, (_, s) => starts[s * (pixels + 1) + pixels]);
    const bytes = capacity * 4;
    const pointer = kernels.allocate(bytes, 'an activation pattern');
    const samples: Uint32Array[] = [];
    for (const [s, length] of counts.entries()) {
      kernels.exports.sparse_chw_indices(...compressedArguments(n, choice.chosen), s, pointer);
      samples.push(kernels.u32(pointer, length).slice());
    }
    kernels.free(pointer, bytes);
    result.set(layer, samples);
  }
  return result;
}
