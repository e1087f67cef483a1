/** The conversation with the harness over stdin and stdout, for peers that are programs of Node. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { conversation } from './conversation.mjs';

/** @typedef {import('./conversation.mjs').PeerSide} PeerSide */

/**
 * Answers requests until stdin closes.
 * @param {Record<string, string>} versions
 * @param {PeerSide['loaders']} loaders
 * @param {PeerSide['peak']} [peak]
 */
export function serve(versions, loaders, peak) {
  return answerLines(
    conversation({
      versions,
      loaders,
      open:
        ({ dir }) =>
        (name) =>
          readInput(dir, name),
      save,
      peak,
    }),
  );
}

/** @param {(line: string) => Promise<object>} answer */
export async function answerLines(answer) {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
}

/**
 * @param {string} dir
 * @param {string} name
 */
function readInput(dir, name) {
  const bytes = readFileSync(`${dir}/${name}.f32`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * @param {string} file
 * @param {Float32Array} data
 */
const save = (file, data) => writeFileSync(file, data);
