/** An append-only file of JSON lines that many processes write: the journal of a sweep, in the form of Optuna's. */
import { closeSync, existsSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { DataError } from '../index.js';
import { withLock } from './lock.js';

/** Where a board keeps what it knows. */
export interface Log {
  /** What was appended since the last call. */
  read(): unknown[];
  /** Only inside `exclusive`. */
  append(lines: readonly object[]): void;
  /** Runs `work` while nobody else writes. */
  exclusive<T>(work: () => T): Promise<T>;
}

const newline = 0x0a;

export class LogFile implements Log {
  #offset = 0;
  #line = 0;

  constructor(readonly path: string) {
    if (!existsSync(path)) closeSync(openSync(path, 'a'));
  }

  exclusive<T>(work: () => T): Promise<T> {
    return withLock(this.path, work);
  }

  /** @throws {DataError} for a line that is no JSON. */
  read(): unknown[] {
    const file = openSync(this.path, 'r');
    try {
      const bytes = bytesFrom(file, this.#offset);
      const end = bytes.lastIndexOf(newline) + 1;
      const lines = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
      const values = lines.map((line, i): unknown => {
        try {
          return JSON.parse(line);
        } catch {
          throw new DataError(`${this.path}: line ${this.#line + i + 1}: expected JSON`);
        }
      });
      this.#offset += end;
      this.#line += lines.length;
      return values;
    } finally {
      closeSync(file);
    }
  }

  append(lines: readonly object[]): void {
    const file = openSync(this.path, 'a+');
    try {
      // A process that died while it wrote may have left a line without its end, which no reader would get past.
      const { size } = fstatSync(file);
      const rest = bytesFrom(file, this.#offset);
      const whole = this.#offset + rest.lastIndexOf(newline) + 1;
      if (whole < size) ftruncateSync(file, whole);
      const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      for (let at = 0; at < text.length; ) at += writeSync(file, text, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

function bytesFrom(file: number, offset: number): Buffer {
  const bytes = Buffer.alloc(Math.max(fstatSync(file).size - offset, 0));
  let read = 0;
  while (read < bytes.length) {
    const got = readSync(file, bytes, read, bytes.length - read, offset + read);
    if (got === 0) break;
    read += got;
  }
  return bytes.subarray(0, read);
}
