/** Where the files of a published dataset are: in the caller's folder, in `KWTA_DATA`, where downloads are kept, or published. */
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import { fetchPublished, type PublishedFile } from './download.js';
import { join } from './source.js';
import type { SplitOptions } from './splitOptions.js';

/** The pickled files of each split, of which any will do, and the folder inside that may hold them. */
export interface Pickled {
  inside: string;
  files: Record<string, readonly string[]>;
}

/** A dataset as its publisher gives it. */
export interface Archive {
  title: string;
  /** Name of its folder in `KWTA_DATA` and among downloads. */
  folder: string;
  /** Where it is published; the first that answers is taken. */
  url: string | readonly string[];
  /** Folders inside that may hold the files. */
  inside: readonly string[];
  /** Files of each split, each plain or with `.gz`. */
  needed: Record<string, readonly string[]>;
  /** Any of them will do. */
  any?: boolean;
  /** The same for Python. */
  pickled?: Pickled;
  downloads: readonly (PublishedFile & { split?: string })[];
}

/**
 * The folder or base address that holds a split, after a download if that is wished.
 *
 * @throws {DataError} saying what was looked for and where, why it could not be fetched, and what to place there.
 */
export async function whereIs(archive: Archive, options: SplitOptions<string>): Promise<string | URL> {
  const { dir, split, download = false } = options;
  // What is missing there, its reader says.
  if (dir !== undefined && !download) return dir;
  const kept = String(join(join(platform.cacheFolder(), 'data'), archive.folder));
  const data = platform.dataFolder();
  const places = dir === undefined ? [...(data === undefined ? [] : [data, join(data, archive.folder)]), kept] : [dir];
  for (const place of places) if (await holds(place, archive, split)) return place;
  const target = dir ?? kept;
  if (download) {
    const files = archive.downloads.filter((file) => file.split === undefined || file.split === split);
    const failure = await fetchPublished(target, files, archive.url, options);
    if (failure === undefined) return target;
    throw new DataError(`${archive.title}: ${failure}; ${whatToPlace(archive, split)} in ${target}`);
  }
  const looked = [data === undefined ? 'KWTA_DATA (not set)' : `KWTA_DATA (${data})`, kept].join(' and ');
  throw new DataError(
    `${archive.title}: expected ${whatToPlace(archive, split, '')}, found none in ${looked}; ` +
      'download: true fetches them, dir says where they are',
  );
}

/** What makes a download unnecessary. */
function whatToPlace({ needed, downloads }: Archive, split: string, verb = 'place '): string {
  const archives = downloads.filter(({ unpack }) => unpack).map(({ name }) => name);
  const unpacked = archives.length > 0 ? `, which are in ${archives.join(', ')}` : '';
  return `${verb}${needed[split].join(', ')} (plain or .gz${unpacked})`;
}

async function holds(place: string | URL, archive: Archive, split: string): Promise<boolean> {
  const { inside, needed, any, pickled } = archive;
  for (const folder of [place, ...inside.map((name) => join(place, name))]) {
    const there = await Promise.all(needed[split].map((name) => existing(folder, name)));
    if (any ? there.some((path) => path !== undefined) : there.every((path) => path !== undefined)) return true;
  }
  if (pickled === undefined) return false;
  const found = pickled.files[split].map((name) => existing(join(place, pickled.inside), name));
  return (await Promise.all(found)).some((path) => path !== undefined);
}

/** Where a file is in a folder of this machine, gzipped or plain. */
export async function existing(folder: string | URL, name: string): Promise<string | URL | undefined> {
  if (!platform.isLocal(folder)) return undefined;
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    if ((await platform.readParts(path, [])) !== undefined) return path;
  }
  return undefined;
}
