/** How much memory networks need, what they do when there is too little, and that they give it back. */
import {
  attacks,
  ConfigError,
  createRuntime,
  datasets,
  MemoryError,
  type Model,
  models,
  nn,
  optim,
  tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { describeVariants, expectError, mebibytesInUse, noiseTensor, useRuntime } from './support.js';

const mebibyte = 2 ** 20;
const sparse = nn.kwta({ gamma: 0.1 });

describe('wasm memory', () => {
  const runtime = useRuntime();

  it('a batch that does not fit is an error, and the runtime goes on', async () => {
    // 64 MiB an activation and sample; sixty-four samples need more than WebAssembly can address.
    const layers = [nn.conv2d({ out: 4096, kernel: 3, padding: 1 }), nn.relu(), nn.globalAvgPool2d()];
    const model = await runtime().model(nn.sequential(layers, { input: [1, 64, 64] }));
    const x = noiseTensor(1, 64, 1, 64, 64);
    const labels = new Int32Array(64);
    await expectError(model.parameterGradients(x, labels), MemoryError, 'a batch of 64 samples in training', 'MiB');
    await expectError(model.logits(x), MemoryError, 'a batch of 64 samples in evaluation', 'MiB');
    const train = datasets.fromTensors({ images: { ...x, data: x.data.map(Math.abs) }, labels, classes: 4096 });
    const before = await model.stateDict();
    await expectError(model.fit(train, { epochs: 1, optimizer: optim.adam() }), MemoryError, 'a batch of 64 samples');
    expect(await model.stateDict()).toEqual(before);
    const one = { shape: [1, 1, 64, 64], data: x.data.slice(0, 4096) };
    expect((await model.logits(one)).shape).toEqual([1, 4096]);
    await model.dispose();
  });

  it('a model that does not fit is an error, and the runtime goes on', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 2 ** 28 })], { input: [1, 4, 4] });
    await expectError(runtime().model(spec), MemoryError, 'parameters', 'MiB');
    expect((await runtime().functional.relu(tensor([-1, 2], [1, 2]))).data).toEqual(Float32Array.of(0, 2));
  });

  it('is given back: models come and go, and no more is in use', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 2 ** 14, bias: false })], { input: [1, 4, 4] });
    const images = noiseTensor(1, 4, 1, 4, 4);
    const data = datasets.fromTensors({ images: { ...images, data: images.data.map(Math.abs) }, labels: [0, 1, 2, 3] });
    const train = datasets.fromTensors({ images: data.tensor(), labels: data.labels, classes: 2 ** 14 });
    const comeAndGo = async (): Promise<void> => {
      // A mebibyte of parameters, as much of gradients, twice as much for the optimizer.
      const model = await runtime().model(spec);
      await model.fit(train, { epochs: 1, optimizer: optim.adam() });
      await model.attack(attacks.pgd({ steps: 1 }), { x: data.tensor(), labels: data.labels, epsilons: [0.1] });
      await model.dispose();
    };
    await comeAndGo();
    const before = await mebibytesInUse(runtime());
    for (let i = 0; i < 20; i++) await comeAndGo();
    // Fragments may cost a little; what twenty models hold would be eighty.
    expect(await mebibytesInUse(runtime())).toBeLessThan(before + 4);
  });
});

describe('model.memory', () => {
  const runtime = useRuntime();

  it('checks its options', async () => {
    const model = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 2 })], { input: [1, 2, 2] }));
    await expectError(model.memory({ batch: 0 }), ConfigError, 'memory.batch', '>= 1', 'got 0');
    await expectError(model.memory({ size: 1 } as object), ConfigError, 'memory', "'size'", 'batch');
    expect(await model.memory()).toEqual(await model.memory({ batch: 64 }));
  });

  it('of the ResNet-18 step: k-WTA needs at most 60 % of what ReLU needs, and 35 % with recompute', async () => {
    const training = async (activation: typeof sparse | ReturnType<typeof nn.relu>, options = {}): Promise<number> => {
      await using model = await runtime().model(models.resNet18({ activation }), options);
      return (await model.memory({ batch: 128 })).training;
    };
    const relu = await training(nn.relu());
    expect(await training(sparse)).toBeLessThanOrEqual(0.6 * relu);
    expect(await training(sparse, { recompute: true })).toBeLessThanOrEqual(0.35 * relu);
    // What there is to keep: convolutions' outputs and activations, ten of each extent and a few more.
    const floats = 65536 * (10 + 9 / 2 + 9 / 4 + 9 / 8);
    expect(relu).toBeLessThan(1.01 * 128 * 4 * floats);
  });

  it('is what a step then takes, and the next steps take no more', async () => {
    // One thread: with more, a late one may make room for itself in any step.
    await using own = await createRuntime({ threads: 1 });
    const model = await own.model(models.resNet18({ activation: sparse, width: 16 }));
    const { parameters, gradients, training } = await model.memory({ batch: 64 });
    expect(gradients).toBe(parameters);
    expect(parameters).toBeGreaterThanOrEqual(4 * model.parameters);
    expect(parameters).toBeLessThan(4.2 * model.parameters);
    const before = await mebibytesInUse(own);
    const step = (): Promise<unknown> => model.parameterGradients(noiseTensor(1, 64, 3, 32, 32), new Int32Array(64));
    await step();
    const after = await mebibytesInUse(own);
    expect(after - before).toBeGreaterThanOrEqual(Math.floor(training / mebibyte));
    // Scratch of the kernels comes on top.
    expect(after - before).toBeLessThan((training + gradients) / mebibyte + 24);
    for (let i = 0; i < 3; i++) await step();
    expect(await mebibytesInUse(own)).toBe(after);
  });

  it('of a batch that is trained on, and not of larger ones that are evaluated in parts', async () => {
    const model = await runtime().model(models.smallCnn({ activation: sparse }));
    const [some, twice] = [await model.memory({ batch: 64 }), await model.memory({ batch: 128 })];
    expect(twice.training).toBeGreaterThan(1.9 * some.training);
    expect(twice).toMatchObject({ inference: some.inference, inputGradient: some.inputGradient });
    expect(some.inference).toBeLessThan(some.inputGradient);
    expect(some.inputGradient).toBeLessThan(some.training);
  });
});

describe('recompute', () => {
  it('is checked', async () => {
    await using runtime = await createRuntime({ threads: 1 });
    const spec = models.smallCnn({ activation: sparse });
    const options = { recompute: 1 } as object;
    await expectError(runtime.model(spec, options), ConfigError, 'model.recompute', 'true or false', 'got 1');
    await expectError(runtime.load('nowhere', options), ConfigError, 'load.recompute', 'true or false', 'got 1');
  });
});

describeVariants('recompute', (runtime) => {
  it.each([
    ['ResNet-18', models.resNet18({ activation: sparse, width: 8, input: [3, 16, 16] })],
    ['convolutions without an activation between', chain()],
  ])('%s: the same bits with less memory', async (_, spec) => {
    const x = noiseTensor(2, 6, ...spec.input);
    const labels = [3, 1, 4, 1, 5, 9];
    const train = datasets.fromTensors({ images: { ...x, data: x.data.map(Math.abs) }, labels, classes: 10 });
    const [kept, again] = [await runtime().model(spec), await runtime().model(spec, { recompute: true })];
    const bytes = async (model: Model): Promise<number> => (await model.memory({ batch: 6 })).training;
    expect(await bytes(again)).toBeLessThan(await bytes(kept));
    expect(await again.parameterGradients(x, labels)).toEqual(await kept.parameterGradients(x, labels));
    const optimizer = optim.sgd({ lr: 0.05, momentum: 0.9 });
    const losses = async (model: Model): Promise<number[]> =>
      (await model.fit(train, { epochs: 3, batchSize: 4, optimizer })).epochs.map(({ loss }) => loss);
    expect(await losses(again)).toEqual(await losses(kept));
    expect(await again.stateDict()).toEqual(await kept.stateDict());
    expect(await again.inputGradient(x, labels)).toEqual(await kept.inputGradient(x, labels));
  });
});

/** Repeating the second convolution, which is cheap, takes the output of the first, which is behind k-WTA. */
function chain() {
  const convolution = (out: number, kernel: number) => nn.conv2d({ out, kernel, padding: (kernel - 1) / 2 });
  const half = nn.kwta({ gamma: 0.5 });
  const first = [convolution(8, 3), nn.batchNorm2d(), half, convolution(16, 3), convolution(8, 1)];
  const second = [nn.batchNorm2d(), half, convolution(16, 3), nn.batchNorm2d(), nn.maxPool2d({ kernel: 2 })];
  const third = [convolution(64, 3), nn.relu(), convolution(64, 3), nn.globalAvgPool2d(), nn.linear({ out: 10 })];
  return nn.sequential([...first, ...second, ...third], { input: [2, 16, 16] });
}
