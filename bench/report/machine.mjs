/** Facts without which figures mean nothing. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

export function machine() {
  return {
    cpu: processor(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    loadAverage: loadavg()[0],
    node: process.version,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** Virtual machines often hide the model's name; its number and the width of its vectors, on Linux, tell what it is. */
function processor() {
  const name = cpus()[0].model.trim();
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const field = (/** @type {string} */ key) => info.match(new RegExp(`^${key}\\s*: (.*)$`, 'm'))?.[1];
  const flags = field('flags')?.split(' '); // x64 only
  if (!flags) return name;
  const vectors = ['avx512f', 'avx2', 'avx'].find((flag) => flags.includes(flag)) ?? 'sse';
  return `${name} (family ${field('cpu family')}, model ${field('model')}, ${vectors})`;
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
