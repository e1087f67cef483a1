/**
 * A lock that processes on any machine share by a file system alone: a symbolic link beside the file that it guards. Making a
 * link is one step that succeeds once, over NFS too. Optuna's journal uses the same link, so that both may write.
 *
 * Who dies with the lock leaves it behind. It is taken away when neither it nor the file has changed for a while by the clock
 * of whoever waits; clocks of different machines are never compared.
 */
import { lstatSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** Milliseconds without a sign of life after which a lock is taken away, as Optuna does. */
const grace = 30_000;
/** Longest wait between two tries, in milliseconds. */
const longestWait = 200;

/** Runs `work` while nobody else holds the lock of `file`. */
export async function withLock<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  const link = `${file}.lock`;
  const own = await acquire(file, link);
  try {
    return await work();
  } finally {
    // Who was away for so long that the lock was taken from it must not take the next one's.
    if (numberOf(link) === own) remove(link);
  }
}

/** @returns the number of the link on its disk. */
async function acquire(file: string, link: string): Promise<number | undefined> {
  let seen: { sign: string; since: number } | undefined;
  for (let wait = 1; ; wait = Math.min(2 * wait, longestWait)) {
    try {
      symlinkSync(basename(file), link);
      return numberOf(link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const sign = signOf(file, link);
    const now = performance.now();
    if (seen?.sign !== sign) seen = { sign, since: now };
    else if (now - seen.since > grace) remove(link);
    // Many that wait must not try in step.
    await setTimeout(wait * (0.5 + Math.random()));
  }
}

/** By another name first: of many that take it away at once, one succeeds. */
function remove(link: string): void {
  const away = `${link}.${process.pid}-${Math.random().toString(36).slice(2)}.rename`;
  try {
    renameSync(link, away);
    rmSync(away, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function numberOf(link: string): number | undefined {
  return lstatSync(link, { throwIfNoEntry: false })?.ino;
}

/** Changes with the holder, and whenever it writes. */
function signOf(file: string, link: string): string {
  const { ino, mtimeMs } = lstatSync(link, { throwIfNoEntry: false }) ?? {};
  return [ino, mtimeMs, statSync(file, { throwIfNoEntry: false })?.mtimeMs].join();
}
