// npm run compare -- --model FILE --data DIR [--samples 256] [--norm linf] [--epsilon 0.1] [--threads 2] [--attacks standard]
// The same weights and images attacked by this package and by AutoAttack in PyTorch (KWTA_PYTHON, with torch and
// pyautoattack): what each leaves, and the seconds it takes. Names of single parts (apgd-ce, apgd-t, fab-t, square) may
// stand in --attacks, too.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string' },
    samples: { type: 'string', default: '256' },
    norm: { type: 'string', default: 'linf' },
    epsilon: { type: 'string', default: '0.1' },
    threads: { type: 'string', default: '2' },
    attacks: { type: 'string', default: 'standard' },
    seed: { type: 'string', default: '0' },
  },
});

await main(async () => {
  const { model: file, data: dir } = options;
  const norm = /** @type {import('../../dist/index.js').attacks.Norm} */ (options.norm);
  if (!file || !dir) throw new Failure('expected --model FILE and --data DIR');
  await build();
  const { attacks, createRuntime } = await import('../../dist/index.js');
  const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
  const [samples, epsilon, threads, seed] = [options.samples, options.epsilon, options.threads, options.seed].map(
    Number,
  );
  const test = (await readDataFolder({ data: dir, split: 'test' })).take(samples);
  const x = test.tensor();
  const labels = Array.from(test.labels);
  const climb = (/** @type {object} */ how) => attacks.apgd({ norm, ...how });
  /** @type {Record<string, () => import('../../dist/index.js').attacks.AttackSpec>} */
  const own = {
    standard: () => attacks.autoAttack({ norm }),
    plus: () => attacks.autoAttack({ norm, version: 'plus' }),
    'apgd-ce': () => climb({}),
    'apgd-dlr': () => climb({ loss: 'dlr' }),
    'apgd-t': () => climb({ loss: 'targetedDlr' }),
    'fab-t': () => attacks.fab({ norm, targeted: true }),
    fab: () => attacks.fab({ norm }),
    square: () => attacks.square({ norm }),
    adaptive: () => attacks.adaptiveKwta({ norm }),
  };
  /** @type {{ attack: string, ours: number, seconds: number }[]} */
  const rows = [];
  const runtime = await createRuntime({ threads });
  note(`kernels ${runtime.info.variant}, ${runtime.info.threads} threads, Node ${process.versions.node}`);
  try {
    const model = await runtime.load(file);
    for (const name of options.attacks.split(',')) {
      const made = own[name];
      if (!made) throw new Failure(`--attacks: expected ${Object.keys(own).join(', ')}, got ${name}`);
      const begun = performance.now();
      const { success, stages } = await model.attack(made(), { x, labels, epsilons: [epsilon], seed });
      const seconds = (performance.now() - begun) / 1000;
      const left = success[0].filter((broken) => !broken).length;
      rows.push({ attack: name, ours: left / samples, seconds });
      note(`${name}: ${left} of ${samples} left in ${seconds.toFixed(1)} s`);
      for (const { name: stage, attacked, broken, queries } of stages[0]) {
        note(`  ${stage}: broke ${broken} of ${attacked}, ${queries.forward} + ${queries.backward} queries`);
      }
    }
  } finally {
    await runtime.dispose();
  }
  const theirs = inPyTorch(
    file,
    x,
    labels,
    rows.map(({ attack }) => attack).filter((name) => name !== 'adaptive'),
    threads,
  );
  console.log(
    '| attack | left here | left by AutoAttack | seconds here | seconds there | ratio |\n|---|---|---|---|---|---|',
  );
  for (const { attack, ours, seconds } of rows) {
    const { left, seconds: other } = theirs.get(attack) ?? {};
    const text = (/** @type {number | undefined} */ share) =>
      share === undefined ? '' : `${(100 * share).toFixed(1)} %`;
    const ratio = other === undefined ? '' : (other / seconds).toFixed(2);
    console.log(`| ${attack} | ${text(ours)} | ${text(left)} | ${seconds.toFixed(1)} | ${other ?? ''} | ${ratio} |`);
  }
});

/**
 * What AutoAttack leaves, by attack.
 * @param {string} model
 * @param {import('../../dist/index.js').Tensor} x
 * @param {number[]} labels
 * @param {string[]} names
 * @param {number} threads
 */
function inPyTorch(model, x, labels, names, threads) {
  /** @type {Map<string, { left: number, seconds: number }>} */
  const result = new Map();
  if (names.length === 0) return result;
  const python = process.env.KWTA_PYTHON ?? 'python3';
  const folder = mkdtempSync(join(tmpdir(), 'kwta-compare-'));
  try {
    const [pixels, classes] = [join(folder, 'x.bin'), join(folder, 'y.json')];
    writeFileSync(pixels, new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength));
    writeFileSync(classes, JSON.stringify({ shape: x.shape, labels }));
    /** @type {Record<string, string>} */
    const norms = { linf: 'Linf', l2: 'L2', l1: 'L1' };
    const run = spawnSync(
      python,
      [
        join(import.meta.dirname, 'autoattack.py'),
        ...[model, pixels, classes, '--samples', String(labels.length), '--norm', norms[options.norm]],
        ...['--epsilon', options.epsilon, '--attacks', names.join(','), '--threads', String(threads)],
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    );
    if (run.status !== 0) throw new Failure(`${python} ended with ${run.status}; it needs torch and pyautoattack`);
    for (const line of run.stdout.trim().split('\n')) {
      const { attack, left, seconds } = JSON.parse(line);
      result.set(attack, { left, seconds });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}
