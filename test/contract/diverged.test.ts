/** Values that are not numbers: never trained on, never taken for a class. */
import { attacks, DivergedError, datasets, type Model, nn, optim, ShapeError, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { caught, expectError, useRuntime } from './support.js';
import { stripeNet, stripes } from './toys.js';

const data = stripes(12, 1);
const whole = { batchSize: 12, epochs: 1 };

describe('weights that are no longer numbers', () => {
  const runtime = useRuntime();

  /** A model whose last step was finite in loss and gradient, and took the weights out of range. */
  async function ruined(): Promise<Model> {
    const model = await runtime().model(stripeNet(nn.relu()), { seed: 1 });
    for (let i = 0; i < 4; i++) await caught(model.fit(data, { ...whole, optimizer: optim.sgd({ lr: 1e38 }) }));
    return model;
  }

  it('are told by whatever would name a class, and shown by what only reads', async () => {
    const model = await ruined();
    const logits = await model.logits(data.tensor());
    expect(logits.data.some(Number.isNaN)).toBe(true);
    await expectError(model.predict(data.tensor()), DivergedError, 'expected logits that are numbers', 'sample 0');
    await expectError(model.accuracy(data), DivergedError, 'NaN');
    const attack = { x: data.tensor(), labels: data.labels, epsilons: [0.1] };
    await expectError(model.attack(attacks.fgsm(), attack), DivergedError, 'NaN');
  });

  it('are told by the accuracy of validation', async () => {
    const model = await runtime().model(stripeNet(nn.relu()), { seed: 1 });
    const optimizer = optim.sgd({ lr: 1e38 });
    const failure = await caught(model.fit(data, { ...whole, epochs: 4, optimizer, validation: data }));
    await expectError(Promise.reject(failure), DivergedError, 'fit:', 'epoch', 'step', 'layer');
  });
});

describe('a step', () => {
  const runtime = useRuntime();

  it('with a finite loss and a gradient that is not is not taken', async () => {
    const layers = [
      nn.normalize({ mean: [0], std: [1e-20] }),
      nn.flatten(),
      nn.linear({ out: 4 }),
      nn.linear({ out: 3 }),
    ];
    const model = await runtime().model(nn.sequential(layers, { input: [1, 8, 8] }));
    const state = await model.stateDict();
    const [first, second] = Object.keys(state).filter((name) => name.endsWith('weight'));
    await model.loadStateDict({
      ...state,
      [first]: tensor(new Float32Array(state[first].data.length), state[first].shape),
      [second]: tensor(
        state[second].data.map((value) => value * 1e30),
        state[second].shape,
      ),
    });
    const before = await model.stateDict();
    const run = model.fit(data, { ...whole, optimizer: optim.adam() });
    await expectError(run, DivergedError, 'fit: expected finite gradients', first, 'epoch 0, step 0');
    expect(await model.stateDict()).toEqual(before);
  });

  it('that batch norm cannot take is known before the first', async () => {
    const spec = nn.sequential(
      [nn.flatten(), nn.linear({ out: 4 }), nn.batchNorm2d({ name: 'norm' }), nn.linear({ out: 3 })],
      { input: [1, 8, 8] },
    );
    const model = await runtime().model(spec);
    const before = await model.stateDict();
    const options = { epochs: 2, batchSize: 11, optimizer: optim.adam() };
    await expectError(model.fit(data, options), ShapeError, 'norm (batchNorm2d)', 'at least 2 values', 'batch of 1');
    expect(await model.stateDict()).toEqual(before);
    expect((await model.fit(data, { ...options, batchSize: 5 })).epochs.length).toBe(2);
    const one = datasets.fromTensors({ images: data.tensor([0]), labels: [0], classes: 3 });
    await expectError(model.fit(one, options), ShapeError, 'batch of 1');
  });
});
