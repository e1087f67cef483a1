/** Files out of a zip archive, such as `numpy.savez` writes, read by zip.js, which whoever has archives installs. */
import type { Entry, FileEntry } from '@zip.js/zip.js';
import { DataError } from '../base/errors.js';
import { installed } from '../base/installed.js';

/** On the thread that asks: workers of zip.js would start from an address that not every page allows. */
const options = { checkSignature: true, useWebWorkers: false };

const load = () => installed('npz', '@zip.js/zip.js', 'reads zip archives', () => import('@zip.js/zip.js'));

/** The files of an archive by name; each is unzipped when it is asked for, and held against its length and checksum. */
export class Zip {
  private constructor(
    readonly name: string,
    private readonly entries: ReadonlyMap<string, FileEntry>,
  ) {}

  /** @throws {DataError} when the bytes are no zip archive, or not a whole one. {ConfigError} without the package. */
  static async open(name: string, bytes: Uint8Array): Promise<Zip> {
    const { Uint8ArrayReader, ZipReader } = await load();
    const reader = new ZipReader(new Uint8ArrayReader(bytes), options);
    const entries = await told(`${name}: expected a zip archive`, () => reader.getEntries());
    return new Zip(name, new Map(entries.filter(isFile).map((entry) => [entry.filename, entry])));
  }

  /** Names of all files. */
  get files(): string[] {
    return [...this.entries.keys()];
  }

  /** The contents of a file that is in {@link files}. @throws {DataError} when they are damaged, or cannot be unzipped. */
  async read(file: string): Promise<Uint8Array> {
    const entry = this.entries.get(file);
    if (entry === undefined) {
      throw new DataError(`${this.name}: expected a file ${file}, found ${this.files.join(', ')}`);
    }
    const { Uint8ArrayWriter } = await load();
    return told(`${this.name}: ${file}: expected a whole file`, () => entry.getData(new Uint8ArrayWriter(), options));
  }
}

function isFile(entry: Entry): entry is FileEntry {
  return !entry.directory;
}

/** What `work` gives; what zip.js throws becomes a DataError that begins with `expected`. */
async function told<T>(expected: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new DataError(`${expected}, found ${await problem((cause as Error).message)}`, { cause });
  }
}

/** What zip.js has found; other messages are those of whatever unzips, and of places beyond the end. */
async function problem(message: string): Promise<string> {
  const zip = await load();
  switch (message) {
    case zip.ERR_BAD_FORMAT:
    case zip.ERR_EOCDR_NOT_FOUND:
      return 'no directory at its end: the file is truncated, or of another format';
    case zip.ERR_SPLIT_ZIP_FILE:
      return 'one part of several';
    case zip.ERR_ENCRYPTED:
    case zip.ERR_UNSUPPORTED_ENCRYPTION:
      return 'encrypted data';
    case zip.ERR_UNSUPPORTED_COMPRESSION:
      return 'another method of compression than deflate';
    case zip.ERR_INVALID_SIGNATURE:
      return 'another checksum: the data are damaged';
    case zip.ERR_INVALID_UNCOMPRESSED_SIZE:
      return 'another length: the data are damaged';
    default:
      return `damaged data (${message})`;
  }
}
