// Other programs on the same weights and images, in Python (KWTA_PYTHON, with torch): what each attack of each finds.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../lib/steps.mjs';

/**
 * What the attacks have to show, by attack and program; `undefined` for a program that is not installed.
 * @template T
 * @param {Record<string, string[]>} asked attacks of each script
 * @param {{ model: string, x: import('../../dist/index.js').Tensor, labels: number[] }} task
 * @param {Record<string, string>} options passed on to the scripts
 */
export function inPython(asked, { model, x, labels }, options) {
  /** @type {Map<string, Map<string, T> | undefined>} */
  const result = new Map();
  const python = process.env.KWTA_PYTHON ?? 'python3';
  const folder = mkdtempSync(join(tmpdir(), 'kwta-compare-'));
  try {
    const [pixels, classes] = [join(folder, 'x.bin'), join(folder, 'y.json')];
    writeFileSync(pixels, new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength));
    writeFileSync(classes, JSON.stringify({ shape: x.shape, labels }));
    for (const [script, names] of Object.entries(asked)) {
      if (names.length === 0) continue;
      const all = { ...options, samples: String(labels.length), attacks: names.join(',') };
      const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
      const run = spawnSync(python, [join(import.meta.dirname, script), model, pixels, classes, ...flags], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      if (run.status !== 0) throw new Failure(`${python} ${script} ended with ${run.status}; it needs torch`);
      for (const line of run.stdout.trim().split('\n')) {
        const { program, installed, attack, ...outcome } = JSON.parse(line);
        if (attack === undefined) result.set(program, installed ? (result.get(program) ?? new Map()) : undefined);
        else result.get(program)?.set(attack, outcome);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}
