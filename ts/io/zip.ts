/**
 * Reads files out of a zip archive: what `numpy.savez` writes, stored or deflated, in one piece below 4 GiB. Each file is held
 * against its length and checksum, which the common libraries for browsers leave out.
 */
import { crc32 } from '../base/crc32.js';
import { DataError } from '../base/errors.js';
import { inflate } from './gzip.js';

/** One file of an archive, still zipped. */
interface Entry {
  method: number;
  crc: number;
  zipped: number;
  length: number;
  /** Where its own header begins. */
  at: number;
}

const endSignature = 0x06054b50;
const endLength = 22;
const centralSignature = 0x02014b50;
const centralLength = 46;
const localSignature = 0x04034b50;
const localLength = 30;
const stored = 0;
const deflated = 8;
/** A comment behind the end has at most this many bytes. */
const longestComment = 0xffff;

/** The files of an archive by name; each is unzipped when it is asked for. */
export class Zip {
  private constructor(
    readonly name: string,
    private readonly bytes: Uint8Array,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** @throws {DataError} when the bytes are no zip archive, or not a whole one. */
  static open(name: string, bytes: Uint8Array): Zip {
    const view = viewOf(bytes);
    const end = findEnd(view);
    if (end === undefined) {
      throw new DataError(
        `${name}: expected a zip archive, found no directory at its end: truncated, or another format`,
      );
    }
    const count = view.getUint16(end + 10, true);
    const length = view.getUint32(end + 12, true);
    let at = view.getUint32(end + 16, true);
    if (at + length > end) throw new DataError(`${name}: expected the archive's directory before its end, found none`);
    const entries = new Map<string, Entry>();
    for (let i = 0; i < count; i++) {
      if (at + centralLength > end || view.getUint32(at, true) !== centralSignature) {
        throw new DataError(`${name}: expected ${count} files in the archive's directory, found ${i}`);
      }
      const texts = [28, 30, 32].map((place) => view.getUint16(at + place, true));
      const file = new TextDecoder().decode(bytes.subarray(at + centralLength, at + centralLength + texts[0]));
      if (view.getUint16(at + 8, true) & 1) throw new DataError(`${name}: ${file} is encrypted`);
      entries.set(file, {
        method: view.getUint16(at + 10, true),
        crc: view.getUint32(at + 16, true),
        zipped: view.getUint32(at + 20, true),
        length: view.getUint32(at + 24, true),
        at: view.getUint32(at + 42, true),
      });
      at += centralLength + texts[0] + texts[1] + texts[2];
    }
    return new Zip(name, bytes, entries);
  }

  /** Names of all files. */
  get files(): string[] {
    return [...this.entries.keys()];
  }

  /** The contents of a file that is in {@link files}. @throws {DataError} when they are damaged. */
  async read(file: string): Promise<Uint8Array> {
    const { name, bytes } = this;
    const entry = this.entries.get(file);
    const place = `${name}: ${file}`;
    if (entry === undefined) throw new DataError(`${name}: expected a file ${file}, found ${this.files.join(', ')}`);
    const view = viewOf(bytes);
    if (entry.at + localLength > bytes.length || view.getUint32(entry.at, true) !== localSignature) {
      throw new DataError(`${place}: expected its header at byte ${entry.at}, found none`);
    }
    const start = entry.at + localLength + view.getUint16(entry.at + 26, true) + view.getUint16(entry.at + 28, true);
    const zipped = bytes.subarray(start, start + entry.zipped);
    if (zipped.length < entry.zipped) throw new DataError(`${place}: expected ${entry.zipped} bytes: truncated`);
    const contents = await unzipped(place, zipped, entry);
    if (contents.length !== entry.length) {
      throw new DataError(`${place}: expected ${entry.length} bytes, found ${contents.length}`);
    }
    if (crc32(contents) !== entry.crc) throw new DataError(`${place}: the checksum is wrong: the file is damaged`);
    return contents;
  }
}

async function unzipped(place: string, zipped: Uint8Array, { method, length }: Entry): Promise<Uint8Array> {
  if (method === stored) return zipped;
  if (method === deflated) return inflate(place, zipped, () => length, 'deflate');
  throw new DataError(`${place}: expected it stored or deflated, found method ${method}`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function findEnd(view: DataView): number | undefined {
  const first = Math.max(0, view.byteLength - endLength - longestComment);
  for (let at = view.byteLength - endLength; at >= first; at--) {
    if (view.getUint32(at, true) === endSignature) return at;
  }
  return undefined;
}
