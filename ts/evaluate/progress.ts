/** Progress of an evaluation, with a guess of the time that is left. */
import type { EvaluationProgress } from './plan.js';

export class Progress {
  readonly #begun = performance.now();
  /** Units that are done, and those of them that were worked on now. */
  #done = 0;
  #fresh = 0;
  #working = false;

  /** @param units of work that there are. */
  constructor(
    private readonly units: number,
    private readonly listener: ((progress: EvaluationProgress) => unknown) | undefined,
  ) {}

  /**
   * @param part of the present unit that is done, from 0 to 1.
   * @returns what the listener does.
   */
  report(progress: EvaluationProgress, part = 0): unknown {
    const fresh = this.#fresh + part;
    const left = Math.max(this.units - this.#done - part, 0);
    const seconds = (performance.now() - this.#begun) / 1000;
    return this.listener?.(fresh > 0 ? { ...progress, secondsLeft: (seconds * left) / fresh } : progress);
  }

  /** The present unit is worked on, not kept from before. */
  worked(): void {
    this.#working = true;
  }

  /** The present unit is done. */
  finished(): void {
    this.#done++;
    this.#fresh += Number(this.#working);
    this.#working = false;
  }
}
