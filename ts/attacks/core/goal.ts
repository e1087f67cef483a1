/** What counts as success for each sample: another class than the true one, or a certain class. */
import { DivergedError } from '../../base/errors.js';
import { argmax } from '../../graph/predictions.js';

/** The goal of an attack on `n` samples. */
export class Goal {
  /**
   * @param classes of each sample: the true one, to be left, or the one to be reached when `targeted`.
   */
  constructor(
    readonly classes: Int32Array,
    readonly targeted: boolean,
  ) {}

  /** -1 when the loss of {@link classes} is to fall, 1 when it is to rise. */
  get direction(): 1 | -1 {
    return this.targeted ? -1 : 1;
  }

  /** Whether an answer is what sample `i` is attacked for. */
  reached(prediction: number, i: number): boolean {
    return (prediction === this.classes[i]) === this.targeted;
  }

  /**
   * How far logits are beyond the goal of sample `i`: max_{j != y} z_j - z_y, or z_t - max_{j != t} z_j when
   * targeted. Positive when it is reached.
   */
  margin(logits: Float32Array, i: number): number {
    const own = this.classes[i];
    let other = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < logits.length; j++) if (j !== own && logits[j] > other) other = logits[j];
    return this.direction * (other - logits[own]);
  }

  /**
   * Pairs of classes whose border sample `i` may cross: from the true class to any other, or from the class that is
   * given now to the target.
   */
  bordersOf(logits: Float32Array, i: number): (readonly [from: number, to: number])[] {
    const own = this.classes[i];
    if (this.targeted) {
      const [given] = argmax(logits, logits.length);
      return given === own ? [] : [[given, own]];
    }
    return Array.from(logits.keys()).flatMap((j) => (j === own ? [] : [[own, j] as const]));
  }

  /** The goal of some of the samples. */
  subset(samples: readonly number[]): Goal {
    return new Goal(
      Int32Array.from(samples, (i) => this.classes[i]),
      this.targeted,
    );
  }
}

/** @throws {DivergedError} when one of the values is NaN: a model that answers so has no class to be attacked. */
export function checkNumbers(what: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) throw new DivergedError(`attack: expected numbers, the model's ${what} are NaN`);
  }
}
