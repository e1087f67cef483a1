// Content hashes that decide whether an output is stale. Needs nothing installed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './steps.mjs';

/**
 * The hash of values, and of files and folders of the checkout, by name and content.
 * @param {string[]} inputs paths relative to the checkout
 * @param {unknown} [values] anything else the output depends on
 */
export function fingerprint(inputs, values) {
  const hash = createHash('sha256').update(JSON.stringify(values ?? null));
  for (const file of inputs.flatMap((input) => filesBelow(input))) {
    hash.update(`\0${file}\0`).update(readFileSync(path.join(root, file)));
  }
  return hash.digest('hex');
}

/**
 * All files of a file or folder, sorted, relative to the checkout; none when it does not exist.
 * @param {string} input
 * @returns {string[]}
 */
export function filesBelow(input) {
  const full = path.join(root, input);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [input];
  const names = readdirSync(full).filter((name) => name !== 'target' && name !== 'node_modules');
  return names.sort().flatMap((name) => filesBelow(path.posix.join(input, name)));
}

/**
 * Whether `record` says that the outputs were made for this hash, and all are there.
 * @param {string} record the file that remembers the hash, relative to the checkout
 * @param {string} hash
 * @param {string[]} outputs relative to the checkout
 */
export function isFresh(record, hash, outputs) {
  const file = path.join(root, record);
  const done = existsSync(file) && readFileSync(file, 'utf8').trim() === hash;
  return done && outputs.every((output) => existsSync(path.join(root, output)));
}

/**
 * Does `work` unless all is fresh.
 * @param {string} record
 * @param {string} hash
 * @param {string[]} outputs
 * @param {() => Promise<void>} work
 * @returns {Promise<boolean>} whether there was work
 */
export async function unlessFresh(record, hash, outputs, work) {
  if (isFresh(record, hash, outputs)) return false;
  await work();
  writeFileSync(path.join(root, record), `${hash}\n`);
  return true;
}
