/** Files out of a zip archive, such as `numpy.savez` writes, by a package that whoever reads them installs. */
import type { Entry, FileEntry } from '@zip.js/zip.js';
import { DataError } from '../base/errors.js';
import { notInstalled } from '../base/installed.js';

async function load(): Promise<typeof import('@zip.js/zip.js')> {
  try {
    return await import('@zip.js/zip.js');
  } catch (cause) {
    throw notInstalled('npz', '@zip.js/zip.js', 'reads zip archives', cause);
  }
}

/** The files of an archive by name; each is unzipped when it is asked for, and held against its length and checksum. */
export class Zip {
  private constructor(
    readonly name: string,
    private readonly entries: ReadonlyMap<string, FileEntry>,
  ) {}

  /** @throws {DataError} when the bytes are no zip archive, or not a whole one. {ConfigError} without the package. */
  static async open(name: string, bytes: Uint8Array): Promise<Zip> {
    const { Uint8ArrayReader, ZipReader } = await load();
    const reader = new ZipReader(new Uint8ArrayReader(bytes), { useWebWorkers: false });
    const entries = await told(`${name}: expected a zip archive`, () => reader.getEntries());
    return new Zip(name, new Map(entries.filter(isFile).map((entry) => [entry.filename, entry])));
  }

  /** Names of all files. */
  get files(): string[] {
    return [...this.entries.keys()];
  }

  /** The contents of a file that is in {@link files}. @throws {DataError} when they are damaged. */
  async read(file: string): Promise<Uint8Array> {
    const entry = this.entries.get(file);
    if (entry === undefined) {
      throw new DataError(`${this.name}: expected a file ${file}, found ${this.files.join(', ')}`);
    }
    const place = `${this.name}: ${file}`;
    const { Uint8ArrayWriter } = await load();
    const contents = await told(`${place}: expected a whole file`, () =>
      entry.getData(new Uint8ArrayWriter(), { checkSignature: true, useWebWorkers: false }),
    );
    if (contents.length !== entry.uncompressedSize) {
      throw new DataError(`${place}: expected ${entry.uncompressedSize} bytes, found ${contents.length}`);
    }
    return contents;
  }
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
