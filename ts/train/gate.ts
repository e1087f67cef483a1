/** Holds a training run between two steps, for as long as its caller wants. */

export class Gate {
  /** Steps that may still be taken; without end while the run is not held. */
  #left = Number.POSITIVE_INFINITY;
  #open: (() => void) | undefined;

  /** No further step. */
  close(): void {
    this.#left = 0;
  }

  /** So many steps, or all of them. */
  open(steps = Number.POSITIVE_INFINITY): void {
    this.#left = steps;
    this.#open?.();
    this.#open = undefined;
  }

  /** Before a step: what has to be waited for, if the step may not be taken yet. */
  pass(): Promise<void> | undefined {
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#open = resolve;
    });
  }
}
