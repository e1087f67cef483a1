/**
 * Checkpoints of a training run. A file that cannot be written stops no training: the next checkpoint is tried
 * again, and what was trained is not lost with it.
 */
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import type { Snapshot } from '../engine/protocol.js';
import { encodeModel } from '../io/checkpoint.js';
import type { History } from './fitRun.js';

/** What a run rejects with when its last checkpoint could not be written. */
export type CheckpointError = DataError & { /** Of the run, which went to its end. */ history: History };

export class Checkpoints {
  /** The newest that waits to be written; a slow disk gets no older one. */
  #next: { epoch: number; snapshot: Snapshot } | undefined;
  #writing: Promise<void> | undefined;
  /** Why the newest could not be written. */
  #failure: { message: string; cause: unknown } | undefined;
  readonly #warnings: string[] = [];

  constructor(private readonly path: string | URL) {}

  /** Writes as soon as what is being written is done. */
  write(epoch: number, snapshot: Snapshot): void {
    this.#next = { epoch, snapshot };
    this.#writing ??= this.#writeAll();
  }

  /** The history of a run that is over, once its checkpoint is written. @throws {CheckpointError} when that failed. */
  async close(history: History): Promise<History> {
    await this.#writing;
    if (this.#failure !== undefined) {
      const { message, cause } = this.#failure;
      const text = `fit.checkpoint: ${message}; the training is done, see this error's history`;
      throw Object.assign(new DataError(text, { cause }), { history });
    }
    return this.#warnings.length === 0 ? history : { ...history, warnings: this.#warnings };
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined;
      const { epoch, snapshot } = next;
      try {
        await platform.writeFile(this.path, encodeModel(snapshot.spec, snapshot.stateDict));
        this.#failure = undefined;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        const message = `the model after epoch ${epoch} was not written to ${this.path}: ${reason}`;
        this.#failure = { message, cause };
        this.#warnings.push(message);
      }
    }
    this.#writing = undefined;
  }
}
