// npm run compare -- --model FILE --data DIR [--samples 256] [--norm linf] [--epsilon 0.1] [--threads 2] [--seed 0] [--attacks standard]
// The same weights and images attacked by this package and by others in PyTorch (KWTA_PYTHON, with torch): AutoAttack
// (standard, plus, and its parts alone: apgd-ce, apgd-dlr, apgd-t, fab, fab-t, square), and foolbox, ART and torchattacks
// (pgd, fgsm, bim, mim, deepfool, spsa). A table tells what each leaves, and the seconds it takes.
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';
import { inPython } from './programs.mjs';
import settings from './settings.json' with { type: 'json' };

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

/**
 * @typedef {import('../../dist/index.js').attacks.AttackSpec} AttackSpec
 * @typedef {Record<string, () => AttackSpec>} Makers
 */

await main(async () => {
  const { model: file, data: dir } = options;
  const norm = /** @type {Exclude<import('../../dist/index.js').attacks.Norm, 'l0'>} */ (options.norm);
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
  const spsa = ({ steps, pairs, sigma, step } = settings.spsa) =>
    attacks.estimatedGradient({
      ...{ norm, estimator: 'spsa', steps, samples: 2 * pairs, sigma, stepSize: step * epsilon },
    });
  // By the script that has them for other programs.
  /** @type {Record<string, Makers>} */
  const makers = {
    'autoattack.py': {
      standard: () => attacks.autoAttack({ norm }),
      plus: () => attacks.autoAttack({ norm, version: 'plus' }),
      'apgd-ce': () => climb({}),
      'apgd-dlr': () => climb({ loss: 'dlr' }),
      'apgd-t': () => climb({ loss: 'targetedDlr' }),
      'fab-t': () => attacks.fab({ norm, targeted: true }),
      fab: () => attacks.fab({ norm }),
      square: () => attacks.square({ norm }),
    },
    'peers.py': {
      pgd: () => attacks.pgd({ norm, ...settings.pgd }),
      fgsm: () => attacks.fgsm({ norm }),
      bim: () => attacks.bim({ norm, ...settings.bim }),
      mim: () => attacks.mim({ norm, ...settings.mim }),
      deepfool: () => attacks.deepFool({ norm: /** @type {'linf' | 'l2'} */ (norm), ...settings.deepfool }),
      spsa,
    },
    '': { adaptive: () => attacks.adaptiveKwta({ norm }) },
  };
  /** @type {Makers} */
  const own = Object.assign({}, ...Object.values(makers));
  const names = options.attacks.split(',');
  const unknown = names.find((name) => !own[name]);
  if (unknown !== undefined) {
    throw new Failure(`--attacks: expected some of ${Object.keys(own).join(', ')}, got ${unknown}`);
  }
  /** @type {import('./programs.mjs').Outcomes} */
  const here = new Map();
  const runtime = await createRuntime({ threads });
  note(`kernels ${runtime.info.variant}, ${runtime.info.threads} threads, Node ${process.versions.node}`);
  try {
    const model = await runtime.load(file);
    for (const name of names) {
      const begun = performance.now();
      const { success, stages } = await model.attack(own[name](), { x, labels, epsilons: [epsilon], seed });
      const seconds = (performance.now() - begun) / 1000;
      const right = success[0].map((broken) => !broken);
      const left = right.filter(Boolean).length;
      here.set(name, { left: left / samples, seconds, right });
      note(`${name}: ${left} of ${samples} left in ${seconds.toFixed(1)} s`);
      for (const { name: stage, attacked, broken, queries } of stages[0]) {
        note(`  ${stage}: broke ${broken} of ${attacked}, ${queries.forward} + ${queries.backward} queries`);
      }
    }
  } finally {
    await runtime.dispose();
  }
  const asked = Object.entries(makers).map(([script, { ...known }]) => [script, names.filter((name) => known[name])]);
  const { '': _, ...scripts } = Object.fromEntries(asked);
  const { seed: drawn, threads: of } = options;
  const flags = { norm, epsilon: options.epsilon, threads: of, seed: drawn };
  printTable(names, here, inPython(scripts, { model: file, x, labels }, flags));
});

/**
 * @param {string[]} names
 * @param {import('./programs.mjs').Outcomes} here
 * @param {ReturnType<typeof inPython>} others
 */
function printTable(names, here, others) {
  console.log('In brackets: samples that kwta alone breaks, and that the other alone breaks.\n');
  const line = (/** @type {string[]} */ cells) => console.log(`| ${cells.join(' | ')} |`);
  const programs = [...others].filter(([, outcomes]) => outcomes?.size !== 0);
  line(['attack', 'kwta', ...programs.map(([program]) => program)]);
  line(Array(2 + programs.length).fill('---'));
  for (const name of names) {
    const own = here.get(name);
    if (!own) continue;
    const cells = programs.map(([, outcomes]) => {
      if (!outcomes) return 'not installed';
      const outcome = outcomes.get(name);
      if (!outcome) return '';
      const more = own.right.filter((right, i) => !right && outcome.right[i]).length;
      const less = own.right.filter((right, i) => right && !outcome.right[i]).length;
      return `${share(outcome)} (${more} : ${less}) in ${outcome.seconds.toFixed(1)} s`;
    });
    line([name, `${share(own)} in ${own.seconds.toFixed(1)} s`, ...cells]);
  }
}

/** @param {import('./programs.mjs').Outcome} outcome */
function share({ left }) {
  return `${(100 * left).toFixed(1)} %`;
}
