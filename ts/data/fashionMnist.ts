/**
 * Finds Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) on this machine, or downloads it into the user's cache folder.
 * Node only.
 */
import { createHash } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import { filePath } from '../platform/nodeFiles.js';
import { fetchBytes, reasonOf } from '../platform/web.js';
import { Dataset } from './dataset.js';
import { idx } from './idx.js';

const FOLDER = 'fashion-mnist';

/** The four official files and the MD5 sums their publisher gives. */
const FILES = {
  trainImages: { name: 'train-images-idx3-ubyte.gz', md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d' },
  trainLabels: { name: 'train-labels-idx1-ubyte.gz', md5: '25c81989df183df01b3e8a0aad5dffbe' },
  testImages: { name: 't10k-images-idx3-ubyte.gz', md5: 'bef4ecab320f06d8554ea6380940ec79' },
  testLabels: { name: 't10k-labels-idx1-ubyte.gz', md5: 'bb300cfdad3c16e7a12a480ee83cd310' },
};

type FileKey = keyof typeof FILES;
const KEYS = Object.keys(FILES) as FileKey[];

const CLASS_NAMES = [
  'T-shirt/top',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

const MIRRORS = [
  'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
];

/** How long a mirror may stay silent before the next one is tried. */
const SILENCE_MS = 4000;

/** Where the files are, or why there are none. */
export type FashionMnistLocation =
  | {
      found: true;
      /** Where they were found, in words: `KWTA_DATA (/data/fashion-mnist)`. */
      source: string;
      files: Record<FileKey, string>;
    }
  | { found: false; reason: string };

/** What to tell while downloading. */
export interface DownloadProgress {
  file: string;
  receivedBytes: number;
  /** Absent when the server does not say. */
  totalBytes?: number;
}

/** Where to look, besides the usual places. */
export interface LocateOptions {
  /** The user's own folder (a path or a `file:` URL), or the one above its `fashion-mnist`. The only place looked at. */
  dir?: string | URL;
  signal?: AbortSignal;
  onProgress?: (progress: DownloadProgress) => void;
}

/**
 * Looks in `dir`; without one, in `KWTA_DATA`, then in the user's cache folder, then downloads into the latter.
 *
 * @throws {DataError} when `dir` is given and does not hold the files, or what came over the network is not what its
 * publisher published.
 */
export async function locateFashionMnist(options: LocateOptions = {}): Promise<FashionMnistLocation> {
  if (options.dir !== undefined) {
    const dir = filePath(options.dir);
    const files = await findIn(dir);
    if (files !== undefined) return { found: true, source: dir, files };
    throw new DataError(
      `data: expected ${KEYS.map((key) => FILES[key].name).join(', ')} (or without .gz) in ${dir} or ${join(dir, FOLDER)}`,
    );
  }
  const reasons: string[] = [];
  const fromEnvironment = process.env.KWTA_DATA;
  if (fromEnvironment) {
    const files = await findIn(fromEnvironment);
    if (files !== undefined) return { found: true, source: `KWTA_DATA (${fromEnvironment})`, files };
    reasons.push(`not in KWTA_DATA (${fromEnvironment})`);
  } else {
    reasons.push('KWTA_DATA is not set');
  }
  const cache = join(userCacheFolder(), 'data', FOLDER);
  const cached = await findIn(cache);
  if (cached !== undefined) return { found: true, source: cache, files: cached };
  reasons.push(`not in ${cache}`);
  const failure = await download(cache, MIRRORS, options);
  const downloaded = await findIn(cache);
  if (failure === undefined && downloaded !== undefined) {
    return { found: true, source: `${cache} (downloaded now)`, files: downloaded };
  }
  reasons.push(`download failed: ${failure}`);
  return { found: false, reason: reasons.join('; ') };
}

/** Reads both splits. */
export async function loadFashionMnist(files: Record<FileKey, string>): Promise<{ train: Dataset; test: Dataset }> {
  const common = { classes: CLASS_NAMES.length, classNames: CLASS_NAMES };
  const [train, test] = await Promise.all([
    idx({ ...common, images: files.trainImages, labels: files.trainLabels, name: 'Fashion-MNIST train' }),
    idx({ ...common, images: files.testImages, labels: files.testLabels, name: 'Fashion-MNIST test' }),
  ]);
  return { train, test };
}

/** SHA-256 sums of the labels of both splits, one byte each. */
const LABELS: Record<string, string> = {
  '657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7': 'Fashion-MNIST train',
  '3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9': 'Fashion-MNIST test',
};

/** The same images, with its name and what its classes show where they are a split of Fashion-MNIST. */
export function recognizeFashionMnist(data: Dataset): Dataset {
  const name = LABELS[createHash('sha256').update(Uint8Array.from(data.labels)).digest('hex')];
  return name === undefined ? data : new Dataset({ ...data.toPlain(), name, classNames: CLASS_NAMES });
}

/** The folder where this platform's programs keep what can be fetched again. */
export function userCacheFolder(): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'kwta');
  if (process.platform === 'win32') {
    return join(process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'kwta', 'Cache');
  }
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kwta');
}

/** The four files in `dir` or its `fashion-mnist`, gzipped or plain; `undefined` unless all are there. */
async function findIn(dir: string): Promise<Record<FileKey, string> | undefined> {
  for (const folder of [dir, join(dir, FOLDER)]) {
    const paths = await Promise.all(KEYS.map((key) => firstExisting(folder, FILES[key].name)));
    if (paths.every((path) => path !== undefined)) {
      return Object.fromEntries(KEYS.map((key, i) => [key, paths[i]])) as Record<FileKey, string>;
    }
  }
  return undefined;
}

async function firstExisting(folder: string, zippedName: string): Promise<string | undefined> {
  for (const name of [zippedName, zippedName.replace(/\.gz$/, '')]) {
    const path = join(folder, name);
    try {
      await access(path);
      return path;
    } catch {
      // Not there: the next name.
    }
  }
  return undefined;
}

/**
 * Downloads the four files into `folder` from the first mirror that delivers them all.
 *
 * @returns why it failed, mirror by mirror; `undefined` on success.
 * @throws {DataError} when a file's checksum is wrong; nothing of that file is kept.
 */
export async function download(
  folder: string,
  mirrors: readonly string[],
  { signal, onProgress }: Pick<LocateOptions, 'signal' | 'onProgress'>,
): Promise<string | undefined> {
  const failures: string[] = [];
  for (const mirror of mirrors) {
    try {
      for (const key of KEYS) {
        const { name, md5 } = FILES[key];
        const bytes = await fetchBytes(mirror + name, {
          signal,
          silence: SILENCE_MS,
          onReceived: (received, total) => onProgress?.({ file: name, receivedBytes: received, totalBytes: total }),
        });
        if (bytes === undefined) throw new Error('the server answered 404');
        const found = createHash('md5').update(bytes).digest('hex');
        if (found !== md5) throw new DataError(`${mirror}${name}: expected MD5 ${md5}, found ${found}: file discarded`);
        await mkdir(folder, { recursive: true });
        await platform.writeFile(join(folder, name), bytes);
      }
      return undefined;
    } catch (error) {
      if (signal?.aborted || error instanceof DataError) throw error;
      failures.push(`${new URL(mirror).host}: ${reasonOf(error)}`);
    }
  }
  return failures.join(', ');
}
