/** What a run says: tables for people, JSON for machines. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { dirname } from 'node:path';

/** @typedef {import('./harness.mjs').Result} Result */

/** Facts without which figures mean nothing. */
export function machine() {
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    loadAverage: loadavg()[0],
    node: process.version,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

function commit() {
  try {
    const git = (/** @type {string[]} */ ...args) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') ? ', changed' : '');
  } catch {
    return 'unknown';
  }
}

/**
 * The table of one task, fastest first. `of kwta` is the time as a multiple of the fastest of ours.
 * @param {Result} result
 */
export function table(result) {
  const sorted = result.timings.toSorted((a, b) => a.minimum - b.minimum);
  const ours = sorted.find(isOurs)?.minimum;
  const head = ['', 'minimum', 'median', result.samples ? 'ms/sample' : '', result.flops ? 'GFLOP/s' : '', 'of kwta'];
  const rows = sorted.map((timing) => [
    `${timing.peer}: ${timing.variant}`,
    milliseconds(timing.minimum),
    milliseconds(timing.median),
    result.samples ? milliseconds(timing.minimum / result.samples) : '',
    result.flops ? (result.flops / timing.minimum / 1e6).toFixed(1) : '',
    ours ? `${(timing.minimum / ours).toFixed(2)}x` : '',
  ]);
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const render = (/** @type {string[]} */ line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
  const complaints = result.wrong.map((text) => `  not timed, its result differs: ${text}`);
  return [`${result.task} (ms)`, ...lines.map((line) => `  ${render(line)}`), ...complaints].join('\n');
}

/**
 * The package's own peers, and its selection compiled alone.
 * @param {import('./harness.mjs').Timing} timing
 */
const isOurs = ({ peer, variant }) => peer.startsWith('kwta') || (peer.startsWith('wasm') && variant === 'kwta');

/** @param {number} value */
const milliseconds = (value) => (value < 10 ? value.toPrecision(3) : value.toFixed(1));

/**
 * @param {string} file
 * @param {unknown} report
 */
export function writeJson(file, report) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
