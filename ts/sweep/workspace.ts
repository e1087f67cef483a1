/**
 * The folder of a sweep. What is done lies under the hash of its configuration, put there whole by a rename; what is not done
 * belongs to one worker alone, and who takes a job over begins with a copy of what the one before left.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export class Workspace {
  constructor(readonly folder: string) {}

  /** Makes the folders. */
  begin(): void {
    for (const name of ['runs', 'reports', 'work', 'alive', 'logs']) {
      mkdirSync(join(this.folder, name), { recursive: true });
    }
  }

  /** Optuna opens it. */
  get journal(): string {
    return join(this.folder, 'journal.log');
  }

  get page(): string {
    return join(this.folder, 'index.html');
  }

  /** Signs of life. */
  get alive(): string {
    return join(this.folder, 'alive');
  }

  /** A file that is there when the sweep is to end before its end. */
  get cancelled(): string {
    return join(this.folder, 'cancelled');
  }

  log(worker: string): string {
    return join(this.folder, 'logs', `${worker}.log`);
  }

  /** The folder of a training that is done. */
  run(hash: string): string {
    return join(this.folder, 'runs', hash);
  }

  report(hash: string): string {
    return join(this.folder, 'reports', `${hash}.json`);
  }

  /**
   * Where `worker` works on `name`: a path with what has been done of it so far, if anything.
   *
   * @param progress of what lies at a path; the most is taken.
   * @param origin what the work begins with where nobody has begun.
   */
  adopt(name: string, worker: string, progress: (path: string) => number, origin?: string): string {
    const work = join(this.folder, 'work');
    const own = join(work, `${name}.${worker.replaceAll(':', '-')}`);
    if (existsSync(own)) return own;
    const left = readdirSync(work)
      .filter((entry) => entry.startsWith(`${name}.`) && !entry.endsWith('.copy'))
      .map((entry) => ({ path: join(work, entry), done: progress(join(work, entry)) }))
      .filter(({ done }) => done > 0)
      .sort((a, b) => b.done - a.done);
    const from = left[0]?.path ?? (origin !== undefined && existsSync(origin) ? origin : undefined);
    if (from === undefined) return own;
    const copy = `${own}.copy`;
    rmSync(copy, { recursive: true, force: true });
    cpSync(from, copy, { recursive: true });
    renameSync(copy, own);
    return own;
  }

  /** Puts what is done in its place, unless another has done so. */
  commit(own: string, place: string): void {
    try {
      renameSync(own, place);
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      rmSync(own, { recursive: true, force: true });
    }
  }

  /** Removes what those left whose jobs others have done. */
  clean(): void {
    for (const entry of readdirSync(join(this.folder, 'work'))) {
      rmSync(join(this.folder, 'work', entry), { recursive: true, force: true });
    }
  }
}

/** When a file was changed, 0 where there is none. */
export function changed(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
