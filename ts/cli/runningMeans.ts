/** How a training run stands, for a line of progress. */
import { percent } from '../report/format.js';

/** Means over about the last ten batches: a single batch jumps too much to read. */
export class RunningMeans {
  #loss: number | undefined;
  #accuracy = 0;

  add(loss: number, accuracy: number): void {
    const weight = this.#loss === undefined ? 1 : 0.1;
    this.#loss = (1 - weight) * (this.#loss ?? 0) + weight * loss;
    this.#accuracy = (1 - weight) * this.#accuracy + weight * accuracy;
  }

  text(): string {
    return `loss ${(this.#loss ?? 0).toFixed(3)} · accuracy ${percent(this.#accuracy)}`;
  }
}
