/** The workers of a sweep on this machine: processes that are started again when they die, and end with the one that leads them. */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../options.js';

const command = fileURLToPath(new URL('../main.js', import.meta.url));

/** Milliseconds between two looks. */
const lookEvery = 500;
/** Deaths in a row within so many milliseconds are no accident. */
const early = 2000;
const mostEarly = 5;

export class Team {
  readonly #members = new Map<number, ChildProcess>();
  #earlyDeaths = 0;

  constructor(
    private readonly size: number,
    private readonly args: readonly string[],
    private readonly logOf: (worker: string) => string,
  ) {}

  /** Starts those that are missing, and waits a while. @throws {UsageError} when they die at once; the signal's reason. */
  async tick(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let i = 0; i < this.size; i++) if (!this.#members.has(i)) this.#start(i);
    if (this.#earlyDeaths >= mostEarly) {
      throw new UsageError(`workers end as soon as they are started: see ${this.logOf('0')}`);
    }
    await setTimeout(lookEvery, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  /** Lets all end their jobs with checkpoints. */
  async stop(): Promise<void> {
    const ends = [...this.#members.values()].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#members.values()) child.kill('SIGTERM');
    await Promise.all(ends);
  }

  #start(i: number): void {
    const log = openSync(this.logOf(String(i)), 'a');
    const child = fork(command, [...this.args], { stdio: ['ignore', log, log, 'ipc'] });
    closeSync(log);
    this.#members.set(i, child);
    const begun = performance.now();
    child.on('exit', (code) => {
      this.#members.delete(i);
      // Who finds nothing left to do ends at once, and well.
      this.#earlyDeaths = code !== 0 && performance.now() - begun < early ? this.#earlyDeaths + 1 : 0;
    });
  }
}
