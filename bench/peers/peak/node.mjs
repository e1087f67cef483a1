/** The peak kernels in Node, from the module files that peers/index.mjs wrote. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { compile, startPeak } from './team.mjs';

/**
 * @param {string[]} files plain, relaxed
 * @param {number} threads
 * @param {boolean} relaxed
 */
export async function peakInNode(files, threads, relaxed) {
  const modules = await compile(files.map((file) => readFileSync(file)));
  const start = (/** @type {import('./team.mjs').Helper} */ workerData) => {
    new Worker(new URL('./helper.node.mjs', import.meta.url), { workerData }).unref();
  };
  return startPeak(modules, threads, start, relaxed);
}
