/** Adam (Kingma & Ba 2015) for samples that each have an optimizer of their own. */

const [beta1, beta2] = [0.9, 0.999];
const tiny = 1e-8;

/** A step of a sample is its mean gradient over its scale, times a learning rate. */
export interface AdamStep {
  mean: Float64Array;
  scale: Float64Array;
}

export class Adam {
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  /** What the moments still lack for having begun at zero, by sample. */
  readonly #lack1: Float64Array;
  readonly #lack2: Float64Array;
  readonly #step: AdamStep;

  constructor(
    count: number,
    private readonly size: number,
  ) {
    this.#first = new Float64Array(count * size);
    this.#second = new Float64Array(count * size);
    this.#lack1 = new Float64Array(count).fill(1);
    this.#lack2 = new Float64Array(count).fill(1);
    this.#step = { mean: new Float64Array(size), scale: new Float64Array(size) };
  }

  /** Takes the next gradient of sample `i`. What is returned holds until the next call. */
  take(i: number, gradient: Float64Array): Readonly<AdamStep> {
    const { size } = this;
    const [first, second] = [this.#first, this.#second];
    const { mean, scale } = this.#step;
    this.#lack1[i] *= beta1;
    this.#lack2[i] *= beta2;
    const [whole1, whole2] = [1 - this.#lack1[i], 1 - this.#lack2[i]];
    for (let p = 0, at = i * size; p < size; p++, at++) {
      const slope = gradient[p];
      first[at] = beta1 * first[at] + (1 - beta1) * slope;
      second[at] = beta2 * second[at] + (1 - beta2) * slope * slope;
      mean[p] = first[at] / whole1;
      scale[p] = Math.sqrt(second[at] / whole2) + tiny;
    }
    return this.#step;
  }
}
