/** Ready-made models: torchvision's weights load by name, and give the logits that they give there. */
import { ConfigError, type Dataset, datasets, type ModelSpec, models, nn, optim, ShapeError } from 'kwta';
import { describe, expect, it } from 'vitest';
import { fixtures } from '../fixtures/fixtures.js';
import { samplesOf, stateOf, zooModel } from '../fixtures/zoo.js';
import { expectClose, expectError, useRuntime } from './support.js';

const cases = await fixtures('zoo');
const runtime = useRuntime({ threads: 1 });

describe('weights of PyTorch', () => {
  const rows = cases.map(
    (item) => [`${item.model}, ${item.options.stem ?? 'cifar'}, ${item.activation}`, item] as const,
  );
  it.each(rows)('load by name and give the same logits: %s', async (_, item) => {
    const model = await runtime().model(zooModel(item, item.activation));
    await model.loadStateDict(stateOf(JSON.parse(item.state)));
    const x = samplesOf(item.samples, model.input);
    expectClose(await model.logits(x), item.logits, 1e-4, 'logits');
    await model.dispose();
  });
});

/** Narrow ones that learn in a moment; AlexNet, which normalises nothing, takes longer. */
const activation = nn.kwta({ gamma: 0.2 });
const input: [number, number, number] = [1, 32, 32];
const small: Record<string, { spec: ModelSpec; lr: number; epochs: number }> = {
  alexNet: { spec: models.alexNet({ activation, width: 16, input }), lr: 3e-3, epochs: 17 },
  resNet18: { spec: models.resNet18({ activation, width: 4, input }), lr: 1e-2, epochs: 3 },
  resNet34: { spec: models.resNet34({ activation, width: 4, input }), lr: 1e-2, epochs: 3 },
  'resNet18, imageNet': {
    spec: models.resNet18({ activation, stem: 'imageNet', width: 8, classes: 10, input }),
    lr: 1e-2,
    epochs: 6,
  },
  wideResNet: { spec: models.wideResNet({ activation, depth: 10, widen: 1, width: 4, input }), lr: 1e-2, epochs: 6 },
  denseNet121: { spec: models.denseNet121({ activation, growth: 4, blocks: [2, 2, 2], input }), lr: 1e-2, epochs: 6 },
  'a mixture': {
    spec: models.smallCnn({
      channels: [8, 16, 16],
      input,
      activation: ({ index }) => [nn.kwta({ gamma: 0.2, scope: 'channel' }), nn.gelu(), nn.kwta({ k: 50 })][index],
    }),
    lr: 1e-2,
    epochs: 6,
  },
};

/** Figures of 28x28 pixels in the middle of 32x32. */
function figures(count: number): Dataset {
  const plain = datasets.synthetic({ count, seed: 1 });
  const { data } = plain.tensor();
  const images = { shape: [count, ...input], data: new Float32Array(count * 1024) };
  for (let row = 0; row < count * 28; row++) {
    const target = (Math.floor(row / 28) * 32 + (row % 28) + 2) * 32 + 2;
    images.data.set(data.subarray(row * 28, (row + 1) * 28), target);
  }
  return datasets.fromTensors({ images, labels: plain.labels, classes: 10 });
}

describe('training', () => {
  const data = figures(60);
  it.each(Object.entries(small))('lowers the loss of %s', { timeout: 60_000 }, async (_, { spec, lr, epochs }) => {
    const model = await runtime().model(spec, { seed: 1 });
    const history = await model.fit(data, { epochs, batchSize: 15, optimizer: optim.adam({ lr }) });
    const losses = history.epochs.map(({ loss }) => loss);
    expect(losses[epochs - 1]).toBeLessThan(0.94 * losses[0]);
    await model.dispose();
  });
});

describe('activations of a model', () => {
  it('may be chosen for each layer', () => {
    const places: string[] = [];
    const spec = models.resNet18({
      width: 4,
      activation: ({ name, index }) => {
        expect(index).toBe(places.length);
        places.push(name);
        return name.startsWith('layer4') ? nn.relu() : nn.kwta({ gamma: index < 4 ? 0.3 : 0.1 });
      },
    });
    expect(places.length).toBe(16);
    expect(places.slice(0, 3)).toEqual(['layer1.0.act1', 'layer1.0.act2', 'layer1.1.act1']);
    const winners = nn.summary(spec).filter(({ type }) => type === 'kwta');
    expect(winners.map(({ layer }) => layer)).toEqual(places.slice(0, 12));
    expect(winners.map(({ k, N }) => (k as number) / (N as number)).map((share) => share.toFixed(1))).toEqual([
      ...Array(4).fill('0.3'),
      ...Array(8).fill('0.1'),
    ]);
  });

  it('are named where they are none', async () => {
    const wrong = (activation: unknown) => () => models.resNet18({ activation } as never);
    await expectError(wrong(undefined), ConfigError, 'resNet18.activation');
    await expectError(
      wrong(() => nn.flatten()),
      ConfigError,
      "resNet18('layer1.0.act1').activation",
      "'flatten'",
    );
    await expectError(
      wrong(() => undefined),
      ConfigError,
      "resNet18('layer1.0.act1').activation",
    );
  });

  it('are replaced under the same names, counted, and an error where there are none', async () => {
    const relu = models.denseNet121({ activation: nn.relu(), growth: 2, blocks: [1, 2] });
    const { spec, replaced } = nn.replaceActivation(relu, 'relu', nn.kwta({ gamma: 0.2 }));
    // Stem, two for each layer, the transition and the last.
    expect(replaced).toBe(9);
    const from = await runtime().model(relu, { seed: 3 });
    const to = await runtime().model(spec);
    await to.loadStateDict(await from.stateDict());
    const back = nn.replaceActivation(spec, 'kwta', nn.silu());
    expect(back.replaced).toBe(9);
    await expectError(
      () => nn.replaceActivation(relu, 'kwta', nn.relu()),
      ConfigError,
      'replaceActivation.from',
      "'kwta'",
    );
    await expectError(
      () => nn.replaceActivation(relu, 'conv2d' as never, nn.relu()),
      ConfigError,
      'replaceActivation.from',
    );
    await Promise.all([from.dispose(), to.dispose()]);
  });
});

describe('options of models', () => {
  it('are refused with their names', async () => {
    const activation = nn.relu();
    await expectError(
      () => models.wideResNet({ activation, depth: 17 }),
      ConfigError,
      'wideResNet.depth',
      '6 n + 4',
      '17',
    );
    await expectError(() => models.denseNet121({ activation, blocks: [] }), ConfigError, 'denseNet121.blocks');
    await expectError(
      () => models.resNet34({ activation, stem: 'mnist' as never }),
      ConfigError,
      'resNet34.stem',
      "'cifar'",
    );
    await expectError(() => models.alexNet({ activation, width: 0 }), ConfigError, 'alexNet.width', '>= 1');
    await expectError(
      () => nn.summary(models.alexNet({ activation, input: [3, 8, 8] })),
      ShapeError,
      'features.5',
      'expected an input of at least',
    );
  });
});
