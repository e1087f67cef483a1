/** Looks at every gradient that an attack asks for: one that sees only zeros says nothing about a model. */

/** Sees gradients. */
export interface Watch {
  /** @param gradient `[m, size]`, of the samples `of`. */
  look(gradient: Float32Array, of: readonly number[], size: number): void;
}

/** Sees the gradients of some samples: which of them were asked for, and which were zero throughout. */
export class SampleWatch implements Watch {
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
