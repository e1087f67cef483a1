/** What the readers of published datasets have in common: where they are, which split, and whether to fetch or stream it. */
import { checkChoice, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { checkPath, isUrl } from '../base/paths.js';
import type { DownloadOptions } from './download.js';

/** Where a published dataset is and which part of it to read. */
export interface SplitOptions<Split extends string = 'train' | 'test'> extends DownloadOptions {
  /**
   * The folder (Node) or base URL of the files. Without it they are looked for in the folder that `KWTA_DATA` names (Node), then
   * where downloads are kept.
   */
  dir?: string | URL;
  /** Which part of the set. */
  split: Split;
  /**
   * Fetches the files from where they are published, unless they are there, into `dir` or the user's cache folder (`KWTA_CACHE`,
   * or the platform's; in browsers `opfs:kwta`). A download that was cut goes on; checksums are those that were published.
   * False by default.
   */
  download?: boolean;
}

/** Keys of {@link SplitOptions}. */
export const splitKeys = ['dir', 'split', 'download', 'url', 'signal', 'onProgress'];

/** @throws {ConfigError} naming the option. */
export function checkSplitOptions<Split extends string>(
  reader: string,
  options: SplitOptions<Split>,
  splits: readonly Split[],
  more: readonly string[] = [],
): void {
  checkKeys(reader, options, [...splitKeys, ...more]);
  const { dir, split, download, url } = options;
  if (dir !== undefined) checkPath('dir', dir);
  checkChoice('split', split, splits);
  if (download !== undefined && typeof download !== 'boolean') {
    throw new ConfigError(`download: expected true or false, got ${String(download)}`);
  }
  if (url === undefined) return;
  checkPath('url', url);
  if (!isUrl(url) && !URL.canParse(url)) throw new ConfigError(`url: expected a web address, got ${url}`);
}

/** @throws {ConfigError} unless `stream` is true, false or left out. */
export function checkStream(stream: unknown): void {
  if (stream !== undefined && typeof stream !== 'boolean') {
    throw new ConfigError(`stream: expected true or false, got ${String(stream)}`);
  }
}
