/** Files in a zip archive, such as `numpy.savez` and `torch.save` write, by a package that whoever reads them installs. */
import type { Entry, FileEntry } from '@zip.js/zip.js';
import { DataError } from '../base/errors.js';
import { notInstalled } from '../base/installed.js';
import { mostFromOne } from './gzip.js';

async function load(what: string): Promise<typeof import('@zip.js/zip.js')> {
  try {
    return await import('@zip.js/zip.js');
  } catch (cause) {
    throw notInstalled(what, '@zip.js/zip.js', 'reads zip archives', cause);
  }
}

/** The first that an archive can tell. */
const noDate = new Date(1980, 0, 1);

/** The files of an archive by name; each is unzipped when it is asked for, and held against its length and checksum. */
export class Zip {
  private constructor(
    readonly name: string,
    private readonly entries: ReadonlyMap<string, FileEntry>,
  ) {}

  /**
   * @param what needs it, for the message when the package is missing.
   * @throws {DataError} when the bytes are no zip archive, or not a whole one. {ConfigError} without the package.
   */
  static async open(what: string, name: string, bytes: Uint8Array): Promise<Zip> {
    const { Uint8ArrayReader, ZipReader } = await load(what);
    const reader = new ZipReader(new Uint8ArrayReader(bytes), { useWebWorkers: false });
    const entries = await told(`${name}: expected a zip archive`, () => reader.getEntries());
    const files = entries.filter(isFile);
    const names = new Set(files.map(({ filename }) => filename));
    if (names.size < files.length)
      throw new DataError(`${name}: expected each file of the archive once, got one twice`);
    return new Zip(name, new Map(files.map((entry) => [entry.filename, entry])));
  }

  /** Names of all files. */
  get files(): string[] {
    return [...this.entries.keys()];
  }

  /** Bytes of all files, unzipped, as the archive says. */
  get unzipped(): number {
    return [...this.entries.values()].reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
  }

  /**
   * The contents of a file that is in {@link files}. No more is unzipped than the archive says.
   *
   * @param length how many bytes they must be, if that is known.
   * @throws {DataError} when they are damaged.
   */
  async read(file: string, length?: number): Promise<Uint8Array> {
    const entry = this.entries.get(file);
    if (entry === undefined) {
      throw new DataError(`${this.name}: expected a file ${file}, found ${this.files.slice(0, 10).join(', ')}`);
    }
    const place = `${this.name}: ${file}`;
    const { compressedSize, uncompressedSize } = entry;
    const most = compressedSize * mostFromOne;
    if (uncompressedSize !== (length ?? uncompressedSize) || uncompressedSize > most) {
      throw new DataError(`${place}: expected ${length ?? `at most ${most}`} bytes, found ${uncompressedSize}`);
    }
    const contents = new Uint8Array(uncompressedSize);
    let at = 0;
    const target = new WritableStream<Uint8Array>({
      write(chunk) {
        if (at + chunk.length > contents.length) throw new Error(`more than ${contents.length} bytes`);
        contents.set(chunk, at);
        at += chunk.length;
      },
    });
    await told(`${place}: expected a whole file`, () =>
      entry.getData(target, { checkSignature: true, useWebWorkers: false }),
    );
    if (at !== contents.length) throw new DataError(`${place}: expected ${contents.length} bytes, found ${at}`);
    return contents;
  }
}

/** An archive of files that are not compressed; its bytes follow from theirs. @throws {ConfigError} without the package. */
export async function encodeZip(what: string, files: readonly (readonly [string, Uint8Array])[]): Promise<Uint8Array> {
  const { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } = await load(what);
  const writer = new ZipWriter(new Uint8ArrayWriter(), { level: 0, useWebWorkers: false, extendedTimestamp: false });
  for (const [name, bytes] of files) await writer.add(name, new Uint8ArrayReader(bytes), { lastModDate: noDate });
  return writer.close();
}

function isFile(entry: Entry): entry is FileEntry {
  return !entry.directory;
}

/** What `work` gives; what it throws becomes a DataError that begins with `expected`. */
async function told<T>(expected: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new DataError(`${expected}: ${(cause as Error).message}`, { cause });
  }
}
