/**
 * One seed, one result: the weights after twenty steps have the same bits for any number of threads, in Node and
 * in Chromium, with shared memory and without.
 */
import {
  attacks,
  createRuntime,
  datasets,
  type ModelSpec,
  nn,
  optim,
  type RuntimeOptions,
  regimes,
  type Tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { shared } from './support.js';

/** Every kind of layer; sizes that are no multiple of a vector or a block. */
function network(activation: () => ReturnType<typeof nn.kwta> | ReturnType<typeof nn.relu>): ModelSpec {
  return nn.sequential(
    [
      nn.normalize({ mean: [0.3], std: [0.4] }),
      nn.conv2d({ out: 17, kernel: 3, padding: 1, bias: false }),
      nn.batchNorm2d(),
      activation(),
      nn.residual({
        main: [
          nn.conv2d({ out: 36, kernel: 3, stride: 2, padding: 1, bias: false }),
          nn.batchNorm2d(),
          activation(),
          nn.conv2d({ out: 36, kernel: 3, padding: 1 }),
        ],
        shortcut: [nn.conv2d({ out: 36, kernel: 1, stride: 2 })],
      }),
      activation(),
      nn.maxPool2d({ kernel: 3, stride: 2, padding: 1 }),
      nn.conv2d({ out: 20, kernel: 5, padding: 2 }),
      nn.batchNorm2d(),
      activation(),
      nn.avgPool2d({ kernel: 3, stride: 2 }),
      nn.flatten(),
      nn.dropout({ p: 0.3 }),
      nn.linear({ out: 24 }),
      activation(),
      nn.linear({ out: 10 }),
    ],
    { input: [1, 28, 28] },
  );
}

const networks = { ReLU: network(nn.relu), 'k-WTA': network(() => nn.kwta({ gamma: 0.15 })) };

/**
 * SHA-256 of the weights after {@link train}. They change only with the arithmetic: when that is meant, put the
 * new ones here and say so in the changelog, for it changes everybody's results.
 */
const hashes = {
  ReLU: '7c6a3cc765cafb5791ca7c545b2787e34131907b8f42f621ccfdc50fae965b03',
  'k-WTA': 'bef0c217fa447989e296bb6e4a5b33a45aba230fae58602ff28f60350da6b81b',
};

/** Twenty steps, the last ten of them adversarial; an odd batch, so that pieces of work come out uneven. */
async function train(spec: ModelSpec, options: RuntimeOptions): Promise<Record<string, Tensor>> {
  await using runtime = await createRuntime(options);
  const model = await runtime.model(spec, { seed: 11 });
  const data = datasets.synthetic({ count: 130, seed: 5 });
  const common = { epochs: 2, batchSize: 27, seed: 7 };
  await model.fit(data, { ...common, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9, weightDecay: 1e-4 }) });
  const regime = regimes.adversarial(attacks.pgd({ steps: 2 }), { epsilon: 0.1 });
  await model.fit(data, { ...common, optimizer: optim.adam({ lr: 1e-3 }), regime });
  return await model.stateDict();
}

async function hash(state: Record<string, Tensor>): Promise<string> {
  const bytes = Object.values(state).flatMap(({ data }) => Array.from(new Uint8Array(data.slice().buffer)));
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

describe.each(Object.keys(networks) as (keyof typeof networks)[])('%s', (name) => {
  it('one thread gives the committed weights', async () => {
    expect(await hash(await train(networks[name], { variant: 'simd', threads: 1 }))).toBe(hashes[name]);
  });

  it.skipIf(!shared).each([1, 2, 3])('%d threads on shared memory give the committed weights', async (threads) => {
    expect(await hash(await train(networks[name], { deterministic: true, threads }))).toBe(hashes[name]);
  });

  it('another seed gives other weights', async () => {
    await using runtime = await createRuntime({ deterministic: true, threads: 1 });
    const weights = async (seed: number) =>
      await hash(await (await runtime.model(networks[name], { seed })).stateDict());
    expect(await weights(1)).not.toBe(await weights(2));
  });
});
