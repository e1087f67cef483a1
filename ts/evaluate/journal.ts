/**
 * What an evaluation has done so far, so that one that was killed goes on where it was: a file of lines, each a JSON value.
 * The first says what is evaluated; each of the others holds one unit of work. A line is written as a whole and brought to
 * the disk before the next unit begins; a kill at any byte leaves at most a line without its end, which is dropped. A line
 * ends in its checksum, for a digit that a disk has changed is a figure as good as any other.
 */
import { platform } from '#platform';
import { ConfigError, DataError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import { decodeBase64, encodeBase64 } from '../io/base64.js';
import { textHash } from './hash.js';

/** What must be the same for an evaluation to go on, by what it is called in messages. */
export type Fingerprint = Record<string, string | number | null>;

/** First line of a journal. */
interface Head {
  kwta: 'evaluation';
  fingerprint: Fingerprint;
  /** When and on what it began: what a report says of itself. */
  begun: Begun;
}

/** When and on what an evaluation began. */
export interface Begun {
  date: string;
  platform: string;
  threads: number;
}

/** Keeps units of work. */
export interface Journal {
  readonly begun: Begun;
  /** What was kept of this unit, or what `make` gives, which is kept before it is returned. */
  unit<T>(unit: string, make: () => Promise<T>): Promise<T>;
}

/** Keeps nothing. */
export function noJournal(begun: Begun): Journal {
  return { begun, unit: (_, make) => make() };
}

/**
 * Opens a journal, or begins it.
 *
 * @throws {ConfigError} when it is another evaluation's, naming what differs; {DataError} when it is none.
 */
export async function openJournal(path: string | URL, fingerprint: Fingerprint, begun: Begun): Promise<Journal> {
  const bytes = (await platform.readFile(path)) ?? new Uint8Array();
  let end = bytes.lastIndexOf(0x0a) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, end)).split('\n').slice(0, -1);
  const append = async (line: unknown): Promise<void> => {
    const json = JSON.stringify(line, replacer);
    const text = new TextEncoder().encode(`${json} ${await textHash(json)}\n`);
    await platform.writeFileAt(path, end, text);
    end += text.length;
  };
  const [first, ...others] = await Promise.all(lines.map((line, i) => parseLine(path, line, i)));
  const head: Head =
    first === undefined ? { kwta: 'evaluation', fingerprint, begun } : checkHead(path, first, fingerprint);
  if (first === undefined) await append(head);
  const units = new Map<string, unknown>();
  for (const [i, line] of others.entries()) {
    const { unit, value } = (line ?? {}) as { unit?: unknown; value?: unknown };
    if (typeof unit !== 'string' || value === undefined) throw noJournalError(path, `{ unit, value } in line ${i + 2}`);
    units.set(unit, value);
  }
  return {
    begun: head.begun,
    async unit<T>(unit: string, make: () => Promise<T>): Promise<T> {
      if (units.has(unit)) return units.get(unit) as T;
      const value = await make();
      await append({ unit, value });
      return value;
    },
  };
}

function noJournalError(path: string | URL, expected: string): DataError {
  return new DataError(
    `evaluateRobustness.resume: ${path}: expected the journal of an evaluation, found no ${expected}`,
  );
}

async function parseLine(path: string | URL, line: string, i: number): Promise<unknown> {
  const [, json = '', hash] = line.match(/^(.*) ([0-9a-f]{64})$/s) ?? [];
  if (hash === undefined || hash !== (await textHash(json))) {
    throw noJournalError(path, `text with its checksum in line ${i + 1}`);
  }
  return JSON.parse(json, reviver);
}

function checkHead(path: string | URL, value: unknown, expected: Fingerprint): Head {
  const head = value as Partial<Head> | null;
  if (head?.kwta !== 'evaluation' || typeof head.fingerprint !== 'object' || typeof head.begun !== 'object') {
    throw noJournalError(path, 'description of an evaluation in line 1');
  }
  const { fingerprint } = head as Head;
  const keys = new Set([...Object.keys(expected), ...Object.keys(fingerprint)]);
  for (const key of keys) {
    if (expected[key] === fingerprint[key]) continue;
    throw new ConfigError(
      `evaluateRobustness.resume: ${path} is the journal of another evaluation: expected ${key} ` +
        `${describe(expected[key])}, got ${describe(fingerprint[key])}`,
    );
  }
  return head as Head;
}

/** Images as text; whatever else is in a line is plain. */
function replacer(_: string, value: unknown): unknown {
  return value instanceof Float32Array
    ? { float32: encodeBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) }
    : value;
}

function reviver(_: string, value: unknown): unknown {
  const text = (value as { float32?: unknown } | null)?.float32;
  return typeof text === 'string' ? new Float32Array(decodeBase64(text).buffer) : value;
}
