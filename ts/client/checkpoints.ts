/**
 * Checkpoints of a training run: the newest at a path, older ones and the best beside it. A file that cannot be written stops
 * no training: the next checkpoint is tried again, and what was trained is not lost with it.
 */
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import { siblingPath } from '../base/paths.js';
import { encodeCheckpoint } from '../train/checkpoint.js';
import type { TrainState } from '../train/state.js';
import type { History } from './fitRun.js';

/** What a run rejects with when its last checkpoint could not be written. */
export type CheckpointError = DataError & { /** Of the run, which went to its end. */ history: History };

type Kind = 'newest' | 'best';

/** What lies at the path already: its step, its bytes, and the steps of older ones beside it. */
export interface Written {
  step: number;
  bytes: Uint8Array;
  older: readonly number[];
}

export class Checkpoints {
  /** What waits to be written: a slow disk gets none that would be removed again at once. */
  readonly #waiting: { kind: Kind; state: TrainState }[] = [];
  #writing: Promise<void> | undefined;
  /** Why the last of a kind could not be written. */
  readonly #failures = new Map<Kind, { message: string; cause: unknown }>();
  readonly #warnings: string[] = [];
  #last: (Pick<Written, 'step'> & { bytes?: Uint8Array }) | undefined;
  #older: number[] = [];

  /** @param keep how many there may be, the newest included. */
  constructor(
    private readonly path: string | URL,
    private readonly keep: number,
  ) {}

  /** Goes on from the file that the run was resumed from. */
  adopt({ step, bytes, older }: Written): void {
    this.#last = { step, bytes };
    this.#older = [...older];
  }

  /** Where the last one is that was written whole. */
  get last(): { path: string | URL; step: number } | undefined {
    return this.#last && { path: this.path, step: this.#last.step };
  }

  /** Writes as soon as what is being written is done. */
  write(kind: Kind, state: TrainState): void {
    this.#waiting.push({ kind, state });
    const alike = this.#waiting.filter((other) => other.kind === kind);
    if (alike.length > (kind === 'best' ? 1 : this.keep)) this.#waiting.splice(this.#waiting.indexOf(alike[0]), 1);
    this.#writing ??= this.#writeAll();
  }

  /** Waits for what is to be written. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  /** @throws {DataError} when the newest could not be written. */
  check(): void {
    const failure = this.#failures.get('newest');
    if (failure !== undefined) throw new DataError(`checkpoint: ${failure.message}`, { cause: failure.cause });
  }

  /** The history of a run that is over, once its checkpoint is written. @throws {CheckpointError} when that failed. */
  async close(history: History): Promise<History> {
    await this.#writing;
    const [failure] = this.#failures.values();
    if (failure !== undefined) {
      const { message, cause } = failure;
      const text = `fit.checkpoint: ${message}; the training is done, see this error's history`;
      throw Object.assign(new DataError(text, { cause }), { history });
    }
    const warnings = [...(history.warnings ?? []), ...this.#warnings];
    return warnings.length === 0 ? history : { ...history, warnings };
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { kind, state } = next;
      const target = kind === 'newest' ? this.path : siblingPath(this.path, 'best');
      try {
        if (kind === 'best') await platform.writeFile(target, encodeCheckpoint(state, []));
        else await this.#replace(state);
        this.#failures.delete(kind);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        const message = `the model after ${placeOf(state)} was not written to ${target}: ${reason}`;
        this.#failures.set(kind, { message, cause });
        this.#warnings.push(message);
      }
    }
    this.#writing = undefined;
  }

  /**
   * The one before gets a name of its own first, and the oldest goes last: however this ends, there is a whole checkpoint at
   * the path, and it names all that lie beside it.
   */
  async #replace(state: TrainState): Promise<void> {
    // What a process left that was killed in the midst of this.
    await this.#removeSurplus();
    const last = this.#last;
    const older = [...this.#older];
    if (this.keep > 1 && last?.bytes !== undefined && last.step !== state.step) {
      await platform.writeFile(siblingPath(this.path, last.step), last.bytes);
      if (!older.includes(last.step)) older.push(last.step);
    }
    const bytes = encodeCheckpoint(state, older);
    await platform.writeFile(this.path, bytes);
    this.#last = { step: state.step, bytes: this.keep > 1 ? bytes : undefined };
    this.#older = older;
    await this.#removeSurplus();
  }

  async #removeSurplus(): Promise<void> {
    while (this.#older.length > this.keep - 1) {
      await platform.removeFile(siblingPath(this.path, this.#older[0]));
      this.#older.shift();
    }
  }
}

/** The epoch that is over, or the step in the midst of one. */
function placeOf({ epoch, step }: TrainState): string {
  return epoch.position === 0 ? `epoch ${epoch.index - 1}` : `step ${step}`;
}
