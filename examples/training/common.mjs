// What the recipes share: their options, the images, and how a network is judged in the end.
//   --data DIR     the four files of Fashion-MNIST, plain or .gz; figures are drawn when it is left out
//   --images N, --epochs N, --samples N (test images to attack), --seed N, --threads N
import { parseArgs } from 'node:util';
import { attacks, createRuntime, datasets } from 'kwta';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    images: { type: 'string', default: '4000' },
    epochs: { type: 'string', default: '3' },
    samples: { type: 'string', default: '200' },
    seed: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
  },
});

/** Passes over the data. */
export const epochs = Number(values.epochs);
export const seed = Number(values.seed);
/** Radius of the L-inf ball, in pixels from 0 to 1. */
export const epsilon = 0.1;

export const runtime = await createRuntime({ threads: Number(values.threads) });
export const train = await images('train', Number(values.images), 1);
const test = await images('test', Number(values.samples), 2);

/**
 * @param {'train' | 'test'} split
 * @param {number} count
 * @param {number} drawnWith seed of drawn figures
 */
async function images(split, count, drawnWith) {
  const { data: dir } = values;
  if (dir === undefined) return datasets.synthetic({ count, seed: drawnWith });
  return (await datasets.fashionMnist({ dir, split })).take(count);
}

/**
 * Trains, and prints a line for each epoch.
 * @param {import('kwta').Model} model
 * @param {Omit<import('kwta').FitOptions, 'seed'>} options
 */
export async function fitted(model, options) {
  for await (const event of model.fit(train, { ...options, seed })) {
    if (event.type !== 'epoch') continue;
    console.log(`epoch ${event.epoch} loss ${event.loss.toFixed(4)} in ${event.seconds.toFixed(1)} s`);
    for (const warning of event.warnings ?? []) console.log(warning);
  }
}

/**
 * Prints how many test images are right, as they are and under PGD: a first look. `evaluateRobustness` with
 * `attacks: 'adaptive'` is what a claim needs, most of all for k-WTA.
 * @param {import('kwta').Model} model
 */
export async function evaluate(model) {
  const clean = await model.accuracy(test);
  const request = { x: test.tensor(), labels: test.labels, epsilons: [epsilon], seed };
  const { success } = await model.attack(attacks.pgd({ steps: 20 }), request);
  const robust = success[0].filter((broken) => !broken).length / test.length;
  console.log(`clean ${(100 * clean).toFixed(1)} %, PGD-20 at ${epsilon} ${(100 * robust).toFixed(1)} %`);
  await runtime.dispose();
}
