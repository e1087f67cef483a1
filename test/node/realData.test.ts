/** A short training on Fashion-MNIST and what attacks make of it, when KWTA_DATA names the folder of the data. */
import { join } from 'node:path';
import { attacks, type Dataset, datasets, evaluateRobustness, models, nn, optim, schedules } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { useRuntime } from '../contract/support.js';

const { KWTA_DATA } = process.env;

describe.skipIf(!KWTA_DATA)('Fashion-MNIST', { timeout: 120_000 }, () => {
  const runtime = useRuntime({});
  let train: Dataset;
  let test: Dataset;

  beforeAll(async () => {
    const load = (part: string) => {
      const file = (kind: string) => join(KWTA_DATA as string, 'fashion-mnist', `${part}-${kind}-ubyte.gz`);
      return datasets.idx({ images: file('images-idx3'), labels: file('labels-idx1') });
    };
    [train, test] = [(await load('train')).take(6000), (await load('t10k')).take(1000)];
  });

  it.each([
    ['ReLU', nn.relu()],
    ['k-WTA', nn.kwta({ gamma: 0.1 })],
  ])('%s learns in seconds, and falls to PGD', async (_, activation) => {
    const model = await runtime().model(models.smallCnn({ activation, channels: [16, 32, 64] }));
    const options = {
      epochs: 2,
      batchSize: 32,
      optimizer: optim.adam({ lr: 0.01 }),
      lr: schedules.cosine(),
      validation: test,
    };
    const { epochs } = await model.fit(train, options);
    expect(epochs[1].validationAccuracy).toBeGreaterThan(0.7);
    expect(epochs[1].loss).toBeLessThan(epochs[0].loss);
    const list = [attacks.fgsm(), attacks.pgd({ steps: 10 })];
    const report = await evaluateRobustness(model, test, { epsilons: [0.1], attacks: list, samples: 200 });
    expect(report.clean.accuracy).toBeGreaterThan(0.7);
    expect(report.worstCase[0.1].accuracy).toBeLessThan(0.2);
  });
});
