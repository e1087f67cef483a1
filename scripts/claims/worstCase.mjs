// node scripts/claims/worstCase.mjs --data DIR --out FOLDER [--networks A,B] [--balls linf,l2] [--preset adaptive] [--samples 256] [--threads 1]
// The table "Beside AutoAttack" in README.md: networks trained on Fashion-MNIST and CIFAR-10 (folders in DIR), and what a preset
// leaves of the first test images. FOLDER keeps each network (NAME.safetensors, for `npm run compare`) and report
// (NAME-BALL-PRESET.json), and is gone on with: `adaptive` takes an hour of one core for some of them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';
import { trainNetwork } from './networks.mjs';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string' },
    networks: { type: 'string' },
    balls: { type: 'string', default: 'linf,l2' },
    preset: { type: 'string', default: 'adaptive' },
    samples: { type: 'string', default: '256' },
    threads: { type: 'string', default: '1' },
  },
});

/**
 * How a network is trained, and the balls that it is attacked in. Radii of pixels from 0 to 1.
 * @typedef {object} Network
 * @property {string} data
 * @property {number} images the first of the training images
 * @property {number} epochs
 * @property {number} [epsilon] of training, L-inf
 * @property {Partial<Record<'linf' | 'l2' | 'l1', number>>} balls
 */

/** @type {Record<string, Network>} */
const trainings = {
  fashion: {
    ...{ data: 'fashion-mnist', images: 15_000, epochs: 2, epsilon: 0.1 },
    balls: { linf: 0.1, l2: 1, l1: 10 },
  },
  'fashion-natural': { data: 'fashion-mnist', images: 15_000, epochs: 2, balls: { linf: 8 / 255 } },
  cifar: {
    ...{ data: 'cifar-10', images: 20_000, epochs: 3, epsilon: 8 / 255 },
    balls: { linf: 8 / 255, l2: 0.5 },
  },
};

await main(async () => {
  const { data: dir, out: folder } = options;
  if (!dir || !folder) throw new Failure('expected --data DIR and --out FOLDER');
  await build();
  const kwta = await import('../../dist/index.js');
  const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
  const activations = { kwta: kwta.nn.kwta({ gamma: 0.1 }), relu: kwta.nn.relu() };
  const networks = Object.entries(trainings).flatMap(([training, how]) =>
    Object.entries(activations).map(([name, activation]) => ({ name: `${name}-${training}`, activation, ...how })),
  );
  const known = {
    networks: networks.map(({ name }) => name),
    balls: ['linf', 'l2', 'l1'],
    preset: ['standard', 'adaptive'],
  };
  const chosen = (/** @type {keyof typeof known} */ flag) => {
    const names = options[flag]?.split(',') ?? known[flag];
    const unknown = names.find((name) => !known[flag].includes(name));
    if (unknown !== undefined) throw new Failure(`--${flag}: expected some of ${known[flag]}, got ${unknown}`);
    return names;
  };
  const [names, balls, [preset]] = [chosen('networks'), chosen('balls'), chosen('preset')];
  const samples = Number(options.samples);
  mkdirSync(folder, { recursive: true });
  const runtime = await kwta.createRuntime({ threads: Number(options.threads), deterministic: true });
  note(`kernels ${runtime.info.variant}, ${runtime.info.threads} threads, Node ${process.versions.node}`);
  const rows = [];
  for (const network of networks.filter(({ name }) => names.includes(name))) {
    const { name } = network;
    const read = (/** @type {'train' | 'test'} */ split) =>
      readDataFolder({ data: path.join(dir, network.data), split });
    const file = path.join(folder, `${name}.safetensors`);
    if (!existsSync(file)) {
      const model = await trainNetwork(kwta, runtime, (await read('train')).take(network.images), network);
      await model.save(file);
      await model.dispose();
      note(`${name}: trained`);
    }
    const model = await runtime.load(file);
    const test = await read('test');
    for (const [norm, epsilon] of Object.entries(network.balls)) {
      if (!balls.includes(norm)) continue;
      const report = path.join(folder, `${name}-${norm}-${preset}.json`);
      if (!existsSync(report)) {
        const made = await kwta.evaluateRobustness(model, test, {
          ...{ attacks: /** @type {'adaptive'} */ (preset), norm: /** @type {'linf'} */ (norm) },
          ...{ epsilons: [epsilon], samples },
          resume: `${report}.journal`,
          onProgress: progressOf(`${name} ${norm}`),
        });
        writeFileSync(report, JSON.stringify(made));
      }
      /** @type {import('../../dist/index.js').RobustnessReport} */
      const { clean, worstCase } = JSON.parse(readFileSync(report, 'utf8'));
      const left = worstCase[String(epsilon)].correct;
      const cells = [clean.correct, left].map((right) => `${right} (${((100 * right) / samples).toFixed(1)} %)`);
      rows.push([name, `${norm} ${epsilon.toFixed(4)}`, ...cells]);
      note(`${name} ${norm}: right ${cells[0]}, left ${cells[1]}`);
    }
    await model.dispose();
  }
  await runtime.dispose();
  console.log(`\n| network | ball | right of ${samples} | ${preset} leaves |\n|---|---|---|---|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
});

/** A line a minute. @param {string} what */
function progressOf(what) {
  let last = performance.now();
  return (/** @type {{ name: string, done: number }} */ { name, done }) => {
    if (performance.now() - last < 60_000) return;
    last = performance.now();
    note(`${what}: ${name} ${(100 * done).toFixed(0)} %`);
  };
}
