// npm run claims -- --data DIR [--images 6000] [--epochs 3] [--segments 2] [--events 20000] [--directions 40] [--threads 1] [--seed 0]
// What is said of k-WTA, measured on small networks: how high the logits jump and how many linear regions there are, by
// gamma, trained and untrained; and along how many random directions of the weights the winners change, by the length of the
// step. Prints the tables of docs/what-kwta-does.md.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';
import { changesAlongWeights, relativeStep } from './weights.mjs';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    images: { type: 'string', default: '6000' },
    epochs: { type: 'string', default: '3' },
    segments: { type: 'string', default: '2' },
    events: { type: 'string', default: '20000' },
    directions: { type: 'string', default: '40' },
    threads: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
  },
});

/** Shares of winners; none is ReLU. */
const gammas = [undefined, 0.5, 0.2, 0.1, 0.05, 0.02];
/** Lengths of steps through the weights, relative to those of the parameters. */
const steps = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2];
const batchSize = 64;

await main(async () => {
  const { data: dir } = options;
  if (!dir) throw new Failure('expected --data DIR');
  const [images, epochs, segments, maxEvents, directions, threads, seed] = [
    ...[options.images, options.epochs, options.segments, options.events, options.directions],
    ...[options.threads, options.seed],
  ].map(Number);
  await build();
  const { analysis, createRuntime, models, nn, optim, schedules, tensor } = await import('../../dist/index.js');
  const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
  const train = (await readDataFolder({ data: dir, split: 'train' })).take(images);
  const test = (await readDataFolder({ data: dir, split: 'test' })).take(1000);
  const x = test.tensor();
  const size = x.data.length / test.length;
  const some = (/** @type {number} */ first, /** @type {number} */ count) =>
    tensor(x.data.slice(first * size, (first + count) * size), [count, ...x.shape.slice(1)]);
  const runtime = await createRuntime({ threads, deterministic: true });
  note(`${train.name}: ${train.length} images, ${epochs} epochs; ${cpus()[0].model}, kernels ${runtime.info.variant}`);

  /** @type {string[]} */
  const regionRows = [];
  /** @type {string[]} */
  const weightRows = [];
  for (const gamma of gammas) {
    const activation = gamma === undefined ? nn.relu() : nn.kwta({ gamma });
    const name = gamma === undefined ? 'ReLU' : `k-WTA ${gamma}`;
    const spec = models.smallCnn({ activation, classes: train.classes, input: train.shape, head: 'flatten' });
    const model = await runtime.model(spec, { seed });
    for (const trained of [false, true]) {
      if (trained) {
        await model.fit(train, {
          ...{ batchSize, epochs, seed, lr: schedules.cosine() },
          optimizer: optim.adam({ lr: 0.002 }),
        });
      }
      const accuracy = await model.accuracy(test);
      const logits = await model.logits(some(0, 100));
      const spread = spreadOf(logits.data, model.classes);
      const found = await analysis.linearRegions(model, { from: some(0, segments), to: some(1, segments), maxEvents });
      const { density, lengths, heights } = found;
      const relative = (/** @type {number} */ height) => (height / spread).toPrecision(2);
      const cells = [
        name,
        trained ? 'trained' : 'untrained',
        `${(100 * accuracy).toFixed(1)} %`,
        Math.round(density).toLocaleString('en-US'),
        lengths.median.toPrecision(2),
        heights ? relative(heights.median) : '0',
        heights ? relative(heights.ninetieth) : '0',
        heights ? relative(heights.most) : '0',
      ];
      regionRows.push(cells.join(' | '));
      note(regionRows[regionRows.length - 1]);
      if (gamma === undefined) continue;
      const step = await relativeStep(runtime, model, train.take(batchSize), optim.adam({ lr: 0.002 }), seed);
      const changes = await changesAlongWeights(model, some(0, 16), { steps, directions, seed });
      const shares = changes.map(
        ({ share, change }) => `${(100 * share).toFixed(1)} % (${(change / spread).toPrecision(2)})`,
      );
      weightRows.push([name, trained ? 'trained' : 'untrained', ...shares, step.toExponential(1)].join(' | '));
      note(weightRows[weightRows.length - 1]);
    }
    await model.dispose();
  }
  const table = (/** @type {string[]} */ heads, /** @type {string[]} */ rows) =>
    [heads.join(' | '), heads.map(() => '---').join(' | '), ...rows].map((row) => `| ${row} |`).join('\n');
  const regionHeads = [
    ...['Network', '', 'Accuracy', 'Regions per unit of distance', 'Median length'],
    ...['Median jump', '90th percentile', 'Highest'],
  ];
  console.log(`\n${table(regionHeads, regionRows)}`);
  await runtime.dispose();
  console.log(`\n${table(['Network', '', ...steps.map(String), 'One step of Adam'], weightRows)}`);
});

/** Mean over samples of the standard deviation of their logits. */
function spreadOf(/** @type {Float32Array} */ logits, /** @type {number} */ classes) {
  let sum = 0;
  for (let s = 0; s < logits.length; s += classes) {
    const row = logits.subarray(s, s + classes);
    const mean = row.reduce((total, value) => total + value, 0) / classes;
    sum += Math.sqrt(row.reduce((total, value) => total + (value - mean) ** 2, 0) / classes);
  }
  return (sum * classes) / logits.length;
}
