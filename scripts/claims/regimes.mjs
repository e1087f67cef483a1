// node scripts/claims/regimes.mjs --data DIR [--out FILE] [--images 10000] [--epochs 5] [--samples 200] [--seeds 0,1,2]
//   [--regimes natural,adversarial,trades,free,fast] [--activations relu,kwta] [--attack autoAttack|pgd] [--threads 1]
// What each regime makes of the small CNN on Fashion-MNIST at an L-inf radius of 0.1: accuracy on test images as they are and
// under attack, and the time of an epoch. A run's row is in the JSON file as soon as it ends, and a row that is there already is
// not made again, so that it may be stopped at any time. Prints the table: mean over seeds, lowest to highest.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string', default: 'regimes.json' },
    images: { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '5' },
    samples: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '0,1,2' },
    regimes: { type: 'string', default: 'natural,adversarial,trades,free,fast' },
    activations: { type: 'string', default: 'relu,kwta' },
    attack: { type: 'string', default: 'autoAttack' },
    threads: { type: 'string', default: '1' },
  },
});

const epsilon = 0.1;
const replays = 4;

/**
 * @typedef {typeof import('../../dist/index.js')} Package
 * @typedef {{ regime: string, activation: string, seed: number, images: number, epochs: number, samples: number, attack: string }} Run
 * @typedef {Run & { clean: number, robust: number, secondsPerEpoch: number, warnings: string[] }} Row
 */

await main(async () => {
  const { data: dir, out } = options;
  if (!dir) throw new Failure('expected --data DIR, a folder with Fashion-MNIST');
  await build();
  const kwta = await import('../../dist/index.js');
  const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
  const { FIT, NETWORK } = await import('../../dist/cli/demo/defaults.js');
  const known = { regimes: regimesOf(kwta), activations: activationsOf(kwta), attacks: attacksOf(kwta) };
  /** @type {(flag: 'regimes' | 'activations', table: object) => string[]} */
  const chosen = (flag, table) => {
    const names = options[flag].split(',');
    const unknown = names.find((name) => !Object.hasOwn(table, name));
    if (unknown !== undefined) throw new Failure(`--${flag}: expected some of ${Object.keys(table)}, got ${unknown}`);
    return names;
  };
  const attack = known.attacks[options.attack];
  if (!attack) throw new Failure(`--attack: expected one of ${Object.keys(known.attacks)}, got ${options.attack}`);
  const [images, epochs, samples, threads] = [options.images, options.epochs, options.samples, options.threads].map(
    Number,
  );
  const train = (await readDataFolder({ data: dir, split: 'train' })).take(images);
  const test = (await readDataFolder({ data: dir, split: 'test' })).take(samples);
  const runtime = await kwta.createRuntime({ threads, deterministic: true });
  /** @type {Row[]} */
  const rows = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')) : [];
  /** @type {Row[]} */
  const wanted = [];
  for (const seed of options.seeds.split(',').map(Number)) {
    for (const activation of chosen('activations', known.activations)) {
      for (const regime of chosen('regimes', known.regimes)) {
        /** @type {Run} */
        const run = { regime, activation, seed, images, epochs, samples, attack: options.attack };
        let row = rows.find((each) =>
          Object.entries(run).every(([key, value]) => each[/** @type {keyof Run} */ (key)] === value),
        );
        if (row === undefined) {
          const spec = kwta.models.smallCnn({
            ...NETWORK,
            ...{ activation: known.activations[activation], classes: 10, input: train.shape },
          });
          const model = await runtime.model(spec, { seed });
          const history = await model.fit(train, { ...FIT, seed, epochs, regime: known.regimes[regime] });
          const asked = { x: test.tensor(), labels: test.labels, epsilons: [epsilon], seed: 0 };
          const { success } = await model.attack(attack, asked);
          row = {
            ...run,
            clean: await model.accuracy(test),
            robust: success[0].filter((broken) => !broken).length / samples,
            secondsPerEpoch: mean(history.epochs.map(({ seconds }) => seconds)),
            warnings: history.warnings ?? [],
          };
          rows.push(row);
          writeFileSync(out, `${JSON.stringify(rows, null, 2)}\n`);
          await model.dispose();
        }
        wanted.push(row);
        note(`${activation} ${regime} seed ${seed}: clean ${percent(row.clean)}, attacked ${percent(row.robust)}`);
      }
    }
  }
  await runtime.dispose();
  print(wanted, options.attack);
});

/**
 * Free training has a step for each replay.
 * @param {Package} kwta
 * @returns {Record<string, import('../../dist/index.js').FitOptions['regime']>}
 */
function regimesOf({ attacks, regimes }) {
  return {
    natural: regimes.natural(),
    adversarial: regimes.adversarial(attacks.pgd({ steps: 10 }), { epsilon }),
    trades: regimes.trades({ epsilon }),
    free: regimes.free({ epsilon, replays }),
    fast: regimes.fast({ epsilon }),
  };
}

/**
 * @param {Package} kwta
 * @returns {Record<string, ReturnType<Package['nn']['relu']> | ReturnType<Package['nn']['kwta']>>}
 */
function activationsOf({ nn }) {
  return { relu: nn.relu(), kwta: nn.kwta({ gamma: 0.1 }) };
}

/**
 * @param {Package} kwta
 * @returns {Record<string, Parameters<import('../../dist/index.js').Model['attack']>[0]>}
 */
function attacksOf({ attacks }) {
  return { autoAttack: attacks.autoAttack(), pgd: attacks.pgd({ steps: 20 }) };
}

/**
 * @param {Row[]} rows
 * @param {string} attack
 */
function print(rows, attack) {
  console.log(`\n| activation | regime | clean | ${attack} at ${epsilon} | seconds an epoch | overfitted |`);
  console.log('|---|---|---|---|---|---|');
  for (const key of new Set(rows.map(({ activation, regime }) => `${activation} | ${regime}`))) {
    const runs = rows.filter(({ activation, regime }) => `${activation} | ${regime}` === key);
    const cells = [
      ranged(
        runs.map(({ clean }) => clean),
        percent,
      ),
      ranged(
        runs.map(({ robust }) => robust),
        percent,
      ),
      ranged(
        runs.map(({ secondsPerEpoch }) => secondsPerEpoch),
        (seconds) => seconds.toFixed(1),
      ),
      `${runs.filter(({ warnings }) => warnings.length > 0).length} of ${runs.length}`,
    ];
    console.log(`| ${[key, ...cells].join(' | ')} |`);
  }
}

/** @param {number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/**
 * @param {number[]} values
 * @param {(value: number) => string} text
 */
function ranged(values, text) {
  return `${text(mean(values))} (${text(Math.min(...values))} to ${text(Math.max(...values))})`;
}
