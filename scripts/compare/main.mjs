// npm run compare -- --model FILE --data DIR [--samples 256] [--norm linf] [--epsilon 0.1] [--threads 2] [--seed 0] [--queries 5000] [--attacks standard]
//   [--shake 1]
// The same weights and images attacked by this package and by others in PyTorch (KWTA_PYTHON, with torch): AutoAttack
// (standard, plus, and its parts alone: apgd-ce, apgd-dlr, apgd-t, fab, fab-t, square), and foolbox, ART and torchattacks
// (pgd, fgsm, bim, mim, spsa). A table tells what each leaves, and the seconds it takes. Attacks of minimum norm (deepfool,
// ddn, fmn, pdpgd, carliniWagner, sigmaZero; also beside adv-lib) look for the closest adversarial; another table has the
// median distance over the samples that the model has right, where a failure is infinitely far away. So it has for attacks by
// decisions (boundary, geoDa, hopSkipJump, rays, signOpt), all of which get the same queries of an image. With --shake, the seed of a
// draw, all get images moved by up to 1e-6: by how much a figure then differs is what rounding alone makes of it.
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';
import { inPython } from './programs.mjs';
import settings from './settings.json' with { type: 'json' };
import { medianOf, printDistances, printShares } from './tables.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string' },
    samples: { type: 'string', default: '256' },
    norm: { type: 'string', default: 'linf' },
    epsilon: { type: 'string', default: '0.1' },
    threads: { type: 'string', default: '2' },
    attacks: { type: 'string', default: 'standard' },
    queries: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '0' },
    shake: { type: 'string' },
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
  const [samples, epsilon, threads, seed, queries] = [
    options.samples,
    options.epsilon,
    options.threads,
    options.seed,
    options.queries,
  ].map(Number);
  const test = (await readDataFolder({ data: dir, split: 'test' })).take(samples);
  const x = options.shake === undefined ? test.tensor() : shaken(test.tensor(), Number(options.shake));
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
      spsa,
    },
    'minimal.py': {
      deepfool: () => attacks.deepFool({ norm: /** @type {'linf' | 'l2'} */ (norm), ...settings.deepfool }),
      ddn: () => attacks.ddn(settings.ddn),
      fmn: () => attacks.fmn({ norm, ...settings.fmn }),
      pdpgd: () => attacks.pdpgd({ norm, ...settings.pdpgd }),
      carliniWagner: () => attacks.carliniWagner(settings.carliniWagner),
      sigmaZero: () => attacks.sigmaZero(settings.sigmaZero),
    },
    'decisions.py': {
      boundary: () => attacks.boundary({ norm: /** @type {'l2'} */ (norm) }),
      geoDa: () => attacks.geoDa({ norm, queries }),
      hopSkipJump: () => attacks.hopSkipJump({ norm: /** @type {'linf' | 'l2'} */ (norm) }),
      rays: () => attacks.rays({ norm: /** @type {'linf'} */ (norm) }),
      signOpt: () => attacks.signOpt({ norm: /** @type {'l2'} */ (norm) }),
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
  const seekers = ['minimal.py', 'decisions.py'];
  const [free, fixed] = [true, false].map((of) =>
    names.filter((name) => seekers.some((script) => name in makers[script]) === of),
  );
  /** @type {Map<string, import('./tables.mjs').Share>} */
  const shares = new Map();
  /** @type {Map<string, import('./tables.mjs').Distances>} */
  const closest = new Map();
  /** @type {boolean[]} */
  let clean = [];
  const runtime = await createRuntime({ threads });
  note(`kernels ${runtime.info.variant}, ${runtime.info.threads} threads, Node ${process.versions.node}`);
  try {
    const model = await runtime.load(file);
    clean = Array.from(await model.predict(x), (answer, i) => answer === labels[i]);
    const run = async (/** @type {string} */ name, /** @type {number[] | undefined} */ epsilons) => {
      const begun = performance.now();
      const maxQueries = name in makers['decisions.py'] ? queries : undefined;
      const result = await model.attack(own[name](), { x, labels, epsilons, seed, maxQueries });
      return { ...result, seconds: (performance.now() - begun) / 1000 };
    };
    for (const name of free) {
      const { distances, seconds } = await run(name, undefined);
      closest.set(name, { distances: Array.from(distances[0]), seconds });
      note(`${name}: ${medianOf(Array.from(distances[0]), clean)} in ${seconds.toFixed(1)} s`);
    }
    for (const name of fixed) {
      const { success, stages, seconds } = await run(name, [epsilon]);
      const right = success[0].map((broken) => !broken);
      const left = right.filter(Boolean).length;
      shares.set(name, { left: left / samples, seconds, right });
      note(`${name}: ${left} of ${samples} left in ${seconds.toFixed(1)} s`);
      for (const { name: stage, attacked, broken, queries } of stages[0]) {
        note(`  ${stage}: broke ${broken} of ${attacked}, ${queries.forward} + ${queries.backward} queries`);
      }
    }
  } finally {
    await runtime.dispose();
  }
  const { '': _, ...scripts } = makers;
  const { seed: drawn, threads: of } = options;
  const flags = { norm, epsilon: options.epsilon, threads: of, seed: drawn, queries: options.queries };
  const others = (/** @type {string[]} */ of) => {
    const asked = Object.entries(scripts).map(([script, known]) => [script, of.filter((name) => name in known)]);
    return inPython(Object.fromEntries(asked), { model: file, x, labels }, flags);
  };
  if (fixed.length > 0) printShares({ names: fixed, here: shares, others: others(fixed) });
  if (free.length > 0) printDistances({ names: free, here: closest, others: others(free) }, clean);
});

/**
 * @param {import('../../dist/index.js').Tensor} x pixels from 0 to 1
 * @param {number} seed
 * @returns {import('../../dist/index.js').Tensor}
 */
function shaken({ shape, data }, seed) {
  let state = seed >>> 0;
  const moved = data.map((value) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.min(1, value + (1e-6 * state) / 2 ** 32);
  });
  return { shape, data: moved };
}
