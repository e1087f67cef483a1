/**
 * A run's folder: `config.json`, `events.jsonl`, `checkpoints/`, `index.html`, `model.safetensors`. Whenever the process ends,
 * what is there fits together: events from after the newest checkpoint are dropped when the run goes on.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../index.js';
import { platform } from '../../platform/node.js';
import type { LoggedBatch, LoggedEpoch } from '../../report/trainingCurves.js';
import { decodeCheckpoint } from '../../train/checkpoint.js';
import { UsageError } from '../options.js';
import { writeText } from '../output.js';

/** What is told of the run as a whole. */
export interface Milestone {
  type: 'start' | 'resume' | 'interrupted' | 'done' | 'failed';
  /** ISO 8601 */
  date: string;
}

/** How evenly the channels of boosted layers won by the end of an epoch, or a few steps later. */
export interface DutyEvent {
  type: 'dutyCycles';
  epoch: number;
  layers: NonNullable<LoggedEpoch['dutyCycles']>;
}

/** A line of `events.jsonl`. */
export type RunEvent = LoggedBatch | LoggedEpoch | DutyEvent | Milestone;

/** Where a run goes on from. */
export interface Place {
  /** Steps that were taken. */
  step: number;
  /** The epoch that it is in. */
  epoch: number;
}

export class RunFolder {
  #events: RunEvent[] = [];
  #file: number | undefined;
  /** This process made it. */
  #fresh = false;

  constructor(readonly path: string) {}

  get config(): string {
    return join(this.path, 'config.json');
  }

  get page(): string {
    return join(this.path, 'index.html');
  }

  get checkpoint(): string {
    return join(this.path, 'checkpoints', 'checkpoint.safetensors');
  }

  get bestCheckpoint(): string {
    return join(this.path, 'checkpoints', 'checkpoint-best.safetensors');
  }

  get #log(): string {
    return join(this.path, 'events.jsonl');
  }

  /** Whether there is a run in it. */
  get holdsRun(): boolean {
    return existsSync(this.config);
  }

  /** @throws {UsageError} when there is something in it that would be lost. */
  checkFree(): void {
    if (!existsSync(this.path)) return;
    const names = entriesOf(this.path);
    if (names.length > 0) {
      const what = this.holdsRun ? 'holds a run' : `is not empty (${names[0]}, ...)`;
      throw new UsageError(`--run: ${this.path} ${what}; --resume goes on with it, and another folder begins anew`);
    }
  }

  /** What has been told so far. */
  get events(): readonly RunEvent[] {
    return this.#events;
  }

  /** Where the newest checkpoint stands, if there is one. @throws {DataError} when it is damaged. */
  async newest(): Promise<Place | undefined> {
    const bytes = await platform.readFile(this.checkpoint);
    if (bytes === undefined) return undefined;
    const { state } = decodeCheckpoint(this.checkpoint, bytes);
    return { step: state.step, epoch: state.epoch.index };
  }

  /** Makes the folder. @throws {UsageError} */
  begin(): void {
    try {
      this.#fresh = mkdirSync(this.path, { recursive: true }) !== undefined;
      mkdirSync(join(this.path, 'checkpoints'), { recursive: true });
    } catch (error) {
      throw new UsageError(`--run: cannot make the folder ${this.path}: ${(error as Error).message}`);
    }
  }

  /** Reads what was told before the run came to `place`. @throws {DataError} for a line that is none, but the last. */
  readEvents(place: Place | undefined): void {
    this.#events = this.told().filter((event) => isBefore(event, place));
  }

  /** All that the file tells. @throws {DataError} likewise. */
  told(): RunEvent[] {
    const text = existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : '';
    const lines = text.split('\n');
    // A line that has no end was being written when the process was killed.
    lines.pop();
    return lines.map((line, i): RunEvent => {
      try {
        return JSON.parse(line) as RunEvent;
      } catch {
        throw new DataError(`${this.#log}: line ${i + 1}: expected an event as JSON`);
      }
    });
  }

  /** Writes config and events anew, so that further ones can be added. */
  async open(config: string): Promise<void> {
    await writeText(this.config, config);
    await writeText(this.#log, this.#events.map(lineOf).join(''));
    this.#file = openSync(this.#log, 'a');
  }

  /** Adds an event; it is in the file when this returns, and so before any checkpoint that comes after it. */
  add(event: RunEvent): void {
    this.#events.push(event);
    if (this.#file !== undefined) writeSync(this.#file, lineOf(event));
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Removes what this process made, when nothing came of it. */
  discard(): void {
    this.close();
    if (this.#fresh) rmSync(this.path, { recursive: true, force: true });
    else for (const name of entriesOf(this.path)) rmSync(join(this.path, name), { recursive: true, force: true });
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    throw new UsageError(`--run: expected a folder, got ${folder}`);
  }
}

export function lineOf(event: RunEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** Milestones of the past stay: they say when the run was stopped and taken up again. */
function isBefore(event: RunEvent, place: Place | undefined): boolean {
  if (event.type === 'batch') return place !== undefined && event.step <= place.step;
  if (event.type === 'epoch' || event.type === 'dutyCycles') return place !== undefined && event.epoch < place.epoch;
  return true;
}
