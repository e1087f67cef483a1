// node scripts/claims/accuracy.mjs --data DIR [--part robustness,gammas] [--samples 256] [--images 15000] [--epochs 2] [--threads 2]
// Two claims about k-WTA, on networks trained here on Fashion-MNIST (the demo's small CNN, 4 steps of PGD at 0.1 where trained
// against attacks): that it is more robust than ReLU, attack by attack; and whether a gamma for each layer beats one for all.
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';
import { trainNetwork } from './networks.mjs';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    part: { type: 'string', default: 'robustness,gammas' },
    samples: { type: 'string', default: '256' },
    images: { type: 'string', default: '15000' },
    epochs: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
  },
});

/** What each part prints. @type {Record<string, (lab: Lab) => Promise<void>>} */
const parts = { robustness, gammas };

/**
 * @typedef {typeof import('../../dist/index.js')} Package
 * @typedef {import('../../dist/index.js').ModelSpec} ModelSpec
 * @typedef {import('../../dist/index.js').Model} Model
 */

/** Networks, and what is asked of them. */
class Lab {
  /**
   * @param {Package} kwta the package
   * @param {import('../../dist/index.js').Runtime} runtime
   * @param {{ train: import('../../dist/index.js').Dataset, test: import('../../dist/index.js').Dataset }} data
   */
  constructor(kwta, runtime, { train, test }) {
    this.package = kwta;
    this.kwta = runtime;
    this.train = train;
    this.x = test.tensor();
    this.labels = Array.from(test.labels);
  }

  /** @param {string} dir */
  static async open(dir) {
    const kwta = await import('../../dist/index.js');
    const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
    const runtime = await kwta.createRuntime({ threads: Number(options.threads), deterministic: true });
    note(`kernels ${runtime.info.variant}, ${runtime.info.threads} threads, Node ${process.versions.node}`);
    const [train, test] = await Promise.all(
      /** @type {const} */ (['train', 'test']).map((split) => readDataFolder({ data: dir, split })),
    );
    return new Lab(kwta, runtime, {
      train: train.take(Number(options.images)),
      test: test.take(Number(options.samples)),
    });
  }

  /**
   * @param {{ activation: import('./networks.mjs').Activation, adversarial: boolean, seed?: number, change?: (spec: ModelSpec) => ModelSpec }} how
   */
  trained({ adversarial, ...how }) {
    return trainNetwork(this.package, this.kwta, this.train, {
      ...how,
      epsilon: adversarial ? 0.1 : undefined,
      epochs: Number(options.epochs),
    });
  }

  /** Share of the test images that are right. @param {Model} model */
  async clean(model) {
    const predictions = await model.predict(this.x);
    return this.labels.filter((label, i) => predictions[i] === label).length / this.labels.length;
  }

  /**
   * Share of the test images that an attack leaves.
   * @param {Model} model
   * @param {import('../../dist/index.js').attacks.AttackSpec} attack
   * @param {number} epsilon
   */
  async left(model, attack, epsilon) {
    const { success } = await model.attack(attack, { x: this.x, labels: this.labels, epsilons: [epsilon], seed: 0 });
    return success[0].filter((broken) => !broken).length / this.labels.length;
  }
}

await main(async () => {
  const { data: dir } = options;
  if (!dir) throw new Failure('expected --data DIR, a folder with Fashion-MNIST');
  const names = options.part.split(',');
  const unknown = names.find((name) => !parts[name]);
  if (unknown !== undefined) throw new Failure(`--part: expected some of ${Object.keys(parts)}, got ${unknown}`);
  await build();
  const lab = await Lab.open(dir);
  try {
    for (const name of names) await parts[name](lab);
  } finally {
    await lab.kwta.dispose();
  }
});

/** @param {Lab} lab */
async function robustness(lab) {
  const { attacks, nn } = lab.package;
  const activations = { ReLU: nn.relu(), 'k-WTA 0.1': nn.kwta({ gamma: 0.1 }) };
  console.log('\nShare of test images that each attack leaves.\n');
  row([
    'training',
    'epsilon',
    'activation',
    'clean',
    'PGD-40',
    'DeepFool',
    'transfer',
    'Square 1,000',
    'autoAttack, adaptiveKwta',
  ]);
  row(Array(9).fill('---'));
  for (const [training, adversarial, epsilon] of /** @type {const} */ ([
    ['natural', false, 8 / 255],
    ['adversarial', true, 0.1],
  ])) {
    /** @type {[name: string, model: Model][]} */
    const trained = [];
    for (const [name, activation] of Object.entries(activations)) {
      trained.push([name, await lab.trained({ activation, adversarial })]);
    }
    for (const [i, [name, model]] of trained.entries()) {
      const [, other] = trained[1 - i];
      const pgd = attacks.pgd({ steps: 40 });
      const alone = [
        pgd,
        attacks.deepFool(),
        attacks.transfer({ source: other, attack: pgd }),
        attacks.square({ queries: 1000 }),
      ];
      const left = [];
      for (const attack of alone) left.push(await lab.left(model, attack, epsilon));
      const { worstCase } = await lab.package.evaluateRobustness(
        model,
        lab.package.datasets.fromTensors({ images: lab.x, labels: lab.labels, classes: 10 }),
        {
          epsilons: [epsilon],
          attacks: [attacks.autoAttack(), { name: 'adaptive', attack: attacks.adaptiveKwta(), scope: 'left' }],
        },
      );
      left.push(worstCase[String(epsilon)].correct / lab.labels.length);
      row([training, epsilon.toFixed(3), name, percent(await lab.clean(model)), ...left.map(percent)]);
    }
    for (const [, model] of trained) await model.dispose();
  }
}

/** @param {Lab} lab */
async function gammas(lab) {
  const { attacks, nn } = lab.package;
  const seeds = [0, 1, 2];
  console.log(
    `\nOne gamma for all layers and one for each, trained naturally, ${seeds.length} seeds: mean, and lowest to highest.\n`,
  );
  row(['gammas', 'clean', 'PGD-40 at 8/255', 'Square 1,000 at 8/255']);
  row(Array(4).fill('---'));
  for (const given of [[0.1], [0.2], [0.05], [0.2, 0.1, 0.05], [0.05, 0.1, 0.2], [0.05, 0.2, 0.05], [0.2, 0.05, 0.2]]) {
    /** @type {number[][]} */
    const results = [];
    for (const seed of seeds) {
      const model = await lab.trained({
        ...{ activation: nn.kwta({ gamma: given[0] }), adversarial: false, seed },
        change: (spec) => withGammas(spec, given),
      });
      results.push([
        await lab.clean(model),
        await lab.left(model, attacks.pgd({ steps: 40 }), 8 / 255),
        await lab.left(model, attacks.square({ queries: 1000 }), 8 / 255),
      ]);
      await model.dispose();
    }
    row([given.join(', '), ...[0, 1, 2].map((c) => range(results.map((result) => result[c])))]);
  }
}

/**
 * The k-WTA layers, from the input on, with these gammas; with one, all have it.
 * @param {ModelSpec} spec a chain of layers
 * @param {number[]} given
 * @returns {ModelSpec}
 */
function withGammas(spec, given) {
  let at = 0;
  const layers = spec.layers.map((layer) =>
    layer.type === 'kwta' ? { ...layer, gamma: given[at++ % given.length] } : layer,
  );
  return { ...spec, layers };
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/** @param {number[]} shares */
function range(shares) {
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return `${percent(mean)} (${percent(Math.min(...shares))} to ${percent(Math.max(...shares))})`;
}

/** @param {string[]} cells */
function row(cells) {
  console.log(`| ${cells.join(' | ')} |`);
}
