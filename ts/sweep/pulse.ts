/** Signs of life of workers: a file each, which its worker writes anew now and then. */
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Milliseconds between two signs. */
const beatEvery = 2000;

/** Tells who lives. */
export interface Pulse {
  /** What changes with each of a worker's signs. */
  sign(worker: string): string | undefined;
  /** Whether it is known, without waiting, that a worker is no more. */
  isGone(worker: string): boolean;
}

/** `host.processes:pid:number`: where process numbers mean the same, the first parts are equal. */
export function workerName(): string {
  return `${place()}:${process.pid}:${Math.random().toString(36).slice(2, 10)}`;
}

function place(): string {
  let space = '';
  try {
    // Containers may share a name and not their process numbers.
    space = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    // Not Linux.
  }
  return `${hostname()}.${space}`.replaceAll(/[^\w.-]/g, '_');
}

export class PulseFiles implements Pulse {
  readonly #place = place();
  #beats = 0;

  /** @param folder which is there. */
  constructor(private readonly folder: string) {}

  /** Gives signs until what it returns is called. */
  start(worker: string): () => void {
    const beat = (): void => writeFileSync(this.#file(worker), String(this.#beats++));
    beat();
    const timer = setInterval(beat, beatEvery);
    return () => {
      clearInterval(timer);
      rmSync(this.#file(worker), { force: true });
    };
  }

  sign(worker: string): string | undefined {
    try {
      return readFileSync(this.#file(worker), 'utf8');
    } catch {
      return undefined;
    }
  }

  isGone(worker: string): boolean {
    const [where, pid] = worker.split(':');
    if (where !== this.#place) return false;
    try {
      process.kill(Number(pid), 0);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH';
    }
  }

  #file(worker: string): string {
    return join(this.folder, worker.replaceAll(':', '-'));
  }
}
