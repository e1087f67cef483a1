/** A training run: events while it goes on, a history when it is done. */
import { checkInteger, checkKeys } from '../base/check.js';
import type { BatchEvent, EpochEvent, FitEvent } from '../train/fit.js';
import type { TrainState } from '../train/state.js';

/** What a finished run leaves. */
export interface History {
  /** One entry per epoch. */
  epochs: EpochEvent[];
  /**
   * Catastrophic overfitting under `regimes.fast`; checkpoints that could not be written, though the last one could; a worker
   * beside the engine that did not start.
   */
  warnings?: string[];
}

/** What a run asks of its engine and its files. */
export interface Handles extends Pick<FitRun, 'state' | 'checkpoint' | 'pause'> {
  resume(steps?: number): Promise<void>;
}

/**
 * Iterate for progress, or await for the history. Training goes on whether or not anybody iterates; leaving
 * the loop early does not stop it, an AbortSignal does.
 */
export class FitRun implements AsyncIterable<FitEvent>, PromiseLike<History> {
  /**
   * Where the run stands, after its last whole step, as a value: `fit` with `resumeFrom` goes on from it, in any
   * runtime, and ends with the same bits as this run.
   *
   * @throws {ConfigError} when the run has ended.
   */
  readonly state: () => Promise<TrainState>;
  /**
   * Writes that to the path of `fit`'s checkpoints, now: before an abort, say.
   *
   * @throws {ConfigError} when the run has ended, or has no such path. {DataError} when it was not written.
   */
  readonly checkpoint: () => Promise<void>;
  /**
   * Holds the run after the step that it is in; once it resolves, no step is taken. The model stays the run's: it can be
   * asked and attacked, and the time is not counted.
   *
   * @throws {ConfigError} when the run has ended.
   */
  readonly pause: () => Promise<void>;
  readonly #resume: (steps?: number) => Promise<void>;
  readonly #events: FitEvent[] = [];
  readonly #history: Promise<History>;
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(
    start: (report: (event: FitEvent) => void) => Promise<History>,
    { state, checkpoint, pause, resume }: Handles,
  ) {
    this.state = state;
    this.checkpoint = checkpoint;
    this.pause = pause;
    this.#resume = resume;
    this.#history = start((event) => {
      this.#events.push(event);
      this.#notify();
    });
    const end = (): void => {
      this.#ended = true;
      this.#notify();
    };
    // Who only iterates gets the error from the iterator; this keeps it from counting as unhandled.
    this.#history.then(end, end);
  }

  /**
   * Lets a run that is held go on, or one that was started with `paused: true` begin.
   *
   * @param options.steps after which it is held again, >= 1; without end when left out.
   * @throws {ConfigError} when the run has ended, or for such an option.
   */
  async resume(options: { steps?: number } = {}): Promise<void> {
    checkKeys('resume', options, ['steps']);
    if (options.steps !== undefined) checkInteger('resume.steps', options.steps, { min: 1 });
    return this.#resume(options.steps);
  }

  /** Events in order, from the first one, whenever the iteration begins; it ends, or throws, with the run. */
  async *[Symbol.asyncIterator](): AsyncGenerator<BatchEvent | EpochEvent, void, void> {
    for (let i = 0; ; ) {
      while (i < this.#events.length) yield this.#events[i++];
      if (this.#ended) {
        await this.#history;
        return;
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is awaitable by design
  then<A = History, B = never>(
    fulfilled?: ((history: History) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#history.then(fulfilled, rejected);
  }

  /** As of a promise of the history. */
  catch<B>(rejected: (reason: unknown) => B | PromiseLike<B>): Promise<History | B> {
    return this.#history.catch(rejected);
  }

  /** As of a promise of the history. */
  finally(settled: () => void): Promise<History> {
    return this.#history.finally(settled);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
