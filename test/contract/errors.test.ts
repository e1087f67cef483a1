/** Bad input: the class and code of each error, and a message with the argument, what was expected and what came. */
import {
  attacks,
  ConfigError,
  DataError,
  DivergedError,
  datasets,
  evaluateRobustness,
  type KwtaError,
  type Model,
  models,
  nn,
  optim,
  regimes,
  ShapeError,
  schedules,
  type Tensor,
  tensor,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, noiseTensor, useRuntime } from './support.js';

type ErrorClass = new (message: string) => KwtaError;
type Case = [call: string, failing: () => unknown, type: ErrorClass, ...parts: string[]];

/** Options of a type that TypeScript would refuse. */
const wrong = (options: unknown) => options as never;

describe('descriptions', () => {
  const cases: Case[] = [
    ['gamma 0', () => nn.kwta({ gamma: 0 }), ConfigError, 'kwta.gamma', '> 0 and <= 1', 'got 0'],
    ['gamma above 1', () => nn.kwta({ gamma: 1.5 }), ConfigError, 'kwta.gamma', '> 0 and <= 1', 'got 1.5'],
    ['gamma NaN', () => nn.kwta({ gamma: Number.NaN }), ConfigError, 'kwta.gamma', 'got NaN'],
    ['k 0', () => nn.kwta({ k: 0 }), ConfigError, 'kwta.k', '>= 1', 'got 0'],
    ['k of a half', () => nn.kwta({ k: 2.5 }), ConfigError, 'kwta.k', 'whole number', 'got 2.5'],
    ['gamma and k', () => nn.kwta({ gamma: 0.1, k: 3 }), ConfigError, 'either gamma or k', '0.1', '3'],
    ['neither', () => nn.kwta({}), ConfigError, 'either gamma or k'],
    ['ties', () => nn.kwta(wrong({ k: 1, ties: 'all' })), ConfigError, 'kwta.ties', "'lowest' or 'keep'", '"all"'],
    ['a misspelt option', () => nn.conv2d(wrong({ out: 3, kernal: 3 })), ConfigError, 'conv2d', "'kernal'", 'kernel'],
    ['no kernel', () => nn.conv2d(wrong({ out: 3 })), ConfigError, 'conv2d.kernel', 'got undefined'],
    ['stride 0', () => nn.conv2d({ out: 3, kernel: 3, stride: 0 }), ConfigError, 'conv2d.stride', '>= 1', 'got 0'],
    ['no options', () => nn.linear(wrong(undefined)), ConfigError, 'linear', 'options', 'undefined'],
    ['padding over half', () => nn.maxPool2d({ kernel: 3, padding: 2 }), ConfigError, 'maxPool2d.padding', '<= 1'],
    ['p of 1', () => nn.dropout({ p: 1 }), ConfigError, 'dropout.p', '< 1', 'got 1'],
    ['std 0', () => nn.normalize({ mean: [0], std: [0] }), ConfigError, 'normalize.std', '> 0', 'got 0'],
    ['no layer', () => nn.sequential(wrong([3])), ConfigError, 'sequential[0]', 'nn.*', 'got 3'],
    ['classes', () => models.smallCnn({ activation: nn.relu(), classes: 1 }), ConfigError, 'smallCnn.classes', '>= 2'],
    ['lr 0', () => optim.sgd({ lr: 0 }), ConfigError, 'sgd.lr', '> 0', 'got 0'],
    ['momentum 1', () => optim.sgd({ lr: 1, momentum: 1 }), ConfigError, 'sgd.momentum', '< 1', 'got 1'],
    ['nesterov alone', () => optim.sgd({ lr: 1, nesterov: true }), ConfigError, 'sgd.nesterov', 'momentum > 0'],
    ['three betas', () => optim.adam(wrong({ betas: [0, 0, 0] })), ConfigError, 'adam.betas', 'got 3'],
    ['every 0', () => schedules.step({ every: 0 }), ConfigError, 'schedules.step.every', '>= 1', 'got 0'],
    ['anneal to 0', () => schedules.anneal({ from: 0.2, to: 0, by: 0.1 }), ConfigError, 'schedules.anneal.to', '> 0'],
    ['steps 0', () => attacks.pgd({ steps: 0 }), ConfigError, 'pgd.steps', '>= 1', 'got 0'],
    [
      'norm',
      () => attacks.pgd(wrong({ norm: 'l3' })),
      ConfigError,
      'pgd.norm',
      "'linf' or 'l2' or 'l1' or 'l0'",
      '"l3"',
    ],
    ['no l0', () => attacks.autoAttack(wrong({ norm: 'l0' })), ConfigError, 'autoAttack.norm', "'l2' or 'l1'", '"l0"'],
    ['l0', () => attacks.noise({ norm: 'l0', kind: 'gaussian' }), ConfigError, 'noise.kind', 'in l0', "'gaussian'"],
    [
      'half a value',
      () => regimes.adversarial(attacks.pgd({ norm: 'l0' }), { epsilon: 0.5 }),
      ConfigError,
      'regimes.adversarial.epsilon',
      'a whole number of values in l0',
      '0.5',
    ],
    ['loss', () => attacks.fgsm(wrong({ loss: 'mse' })), ConfigError, 'fgsm.loss', "'margin'", '"mse"'],
    ['restarts alike', () => attacks.pgd({ restarts: 2, randomStart: false }), ConfigError, 'pgd.restarts', 'got 2'],
    [
      'half a pair',
      () => attacks.estimatedGradient({ samples: 7 }),
      ConfigError,
      'estimatedGradient.samples',
      'even',
      '7',
    ],
    ['stages', () => attacks.estimatedGradient({ steps: 1, samples: [2, 4] }), ConfigError, 'samples', '1 to 1', '2'],
    [
      'transfer of transfer',
      () => attacks.transfer({ source: { id: 'a' }, attack: attacks.transfer({ source: { id: 'b' } }) }),
      ConfigError,
      'transfer.attack',
      "'transfer'",
    ],
    ['no source', () => attacks.transfer(wrong({})), ConfigError, 'transfer.source', 'a model', 'undefined'],
    [
      'regime',
      () => regimes.adversarial(wrong({}), { epsilon: 1 }),
      ConfigError,
      'regimes.adversarial',
      'attacks.*',
      'Object',
    ],
    ['tensor', () => tensor([1, 2, 3], [2, 2]), ShapeError, '[2, 2]', '4 values', 'got 3'],
    ['extent', () => tensor([], [-1]), ShapeError, 'whole extents >= 0', '[-1]'],
  ];
  it.each(cases)('%s', async (_, failing, type, ...parts) => expectError(failing, type, ...parts));
});

describe('models that cannot be', () => {
  const runtime = useRuntime();
  const image: [number, number, number] = [2, 4, 4];
  const build = (layers: Parameters<typeof nn.sequential>[0], input: unknown = image) =>
    runtime().model(nn.sequential(layers, { input: input as typeof image }));

  const cases: Case[] = [
    [
      'no winner',
      () => build([nn.relu(), nn.kwta({ gamma: 0.03 }), nn.flatten()]),
      ConfigError,
      '1 (kwta',
      'N = 32',
      '0.03',
    ],
    ['k above N', () => build([nn.kwta({ k: 33 }), nn.flatten()]), ConfigError, '0 (kwta', 'N = 32', 'k = 33'],
    [
      'window',
      () => build([nn.conv2d({ out: 1, kernel: 7, padding: 1 })]),
      ShapeError,
      '0 (conv2d)',
      '7x7',
      '[2, 4, 4]',
    ],
    ['not flat', () => build([nn.linear({ out: 3 })]), ConfigError, '0 (linear)', '[2, 4, 4]', 'nn.flatten()'],
    ['no vector', () => build([nn.relu()]), ShapeError, '[classes, 1, 1]', '[2, 4, 4]'],
    ['no layers', () => build([]), ConfigError, 'at least one layer'],
    ['no input', () => build([nn.flatten()], null), ConfigError, 'model.input', '[channels, height, width]'],
    ['flat input', () => build([nn.flatten()], [2, 4]), ConfigError, 'model.input'],
    ['height 0', () => build([nn.flatten()], [2, 0, 4]), ConfigError, 'height', '>= 1', 'got 0'],
    [
      'branches',
      () => build([nn.residual({ main: [nn.conv2d({ out: 3, kernel: 1 })] })]),
      ShapeError,
      '0',
      '[3, 4, 4]',
    ],
    [
      'channels',
      () => build([nn.normalize({ mean: [0], std: [1] }), nn.flatten()]),
      ShapeError,
      '0 (normalize)',
      '2 values',
    ],
    ['names', () => build([nn.relu({ name: 'a' }), nn.flatten({ name: 'a' })]), ConfigError, "'a' twice"],
    ['no model', () => runtime().model(wrong(nn.relu())), ConfigError, 'nn.sequential'],
    ['seed', () => runtime().model(nn.sequential([nn.flatten()], { input: image }), { seed: -1 }), ConfigError, 'seed'],
    [
      'options that are none',
      () => runtime().model(nn.sequential([nn.flatten()], { input: image }), wrong(null)),
      ConfigError,
      'model: expected an options object, got null',
    ],
  ];
  it.each(cases)('%s', async (_, failing, type, ...parts) => expectError(failing, type, ...parts));
});

describe('calls that cannot be', () => {
  const runtime = useRuntime();
  let model: Model;
  const x = noiseTensor(1, 2, 1, 4, 4);
  const pixels = { ...x, data: x.data.map(Math.abs) };
  const data = datasets.fromTensors({ images: pixels, labels: [0, 2] });
  const adam = optim.adam();
  const spoilt = (value: number): Tensor => ({ ...x, data: x.data.with(5, value) });

  beforeAll(async () => {
    model = await runtime().model(
      nn.sequential([nn.flatten(), nn.linear({ out: 8 }), nn.kwta({ k: 4 }), nn.linear({ out: 3 })], {
        input: [1, 4, 4],
      }),
    );
  });

  const attack = (options: object, how: attacks.AttackSpec = attacks.fgsm()) =>
    model.attack(how, { x: pixels, labels: [0, 1], epsilons: [0.1], ...options });
  const train = (options: object, samples = data) => model.fit(samples, { epochs: 1, optimizer: adam, ...options });
  /** One value more than a 32-bit float can tell the index of. */
  const long = { shape: [2 ** 24 + 1], data: new Float32Array(2 ** 24 + 1) };
  const matrix = noiseTensor(2, 3, 4);

  const cases: Case[] = [
    ['rank', () => model.logits(matrix), ShapeError, 'x', '4 dimensions', '[3, 4]'],
    ['channels', () => model.logits(noiseTensor(1, 2, 3, 4, 4)), ShapeError, 'x', '[n, 1, 4, 4]', '[2, 3, 4, 4]'],
    ['no samples', () => model.logits(tensor([], [0, 1, 4, 4])), ShapeError, 'x', 'n >= 1', '[0, 1, 4, 4]'],
    ['no tensor', () => model.predict(wrong([1, 2])), ShapeError, 'x', 'a tensor', 'an array of 2'],
    ['NaN', () => model.logits(spoilt(Number.NaN)), DataError, 'x', 'finite', 'NaN at index 5'],
    ['Inf', () => model.activationPattern(spoilt(Number.POSITIVE_INFINITY)), DataError, 'x', 'Infinity at index 5'],
    ['labels missing', () => model.inputGradient(x, [0]), ShapeError, 'labels', 'expected 2', 'got 1'],
    ['label high', () => model.inputGradient(x, [0, 3]), DataError, 'labels', '0 to 2', '3 at index 1'],
    ['label below', () => model.parameterGradients(x, [-1, 0]), DataError, 'labels', '0 to 2', '-1 at index 0'],
    ['loss', () => model.inputGradient(x, [0, 1], wrong({ loss: 'mse' })), ConfigError, 'loss', "'dlr'", '"mse"'],
    ['accuracy of an array', () => model.accuracy(wrong([])), ConfigError, 'data', 'datasets.*', 'an array of 0'],
    [
      'fit nothing',
      () => model.fit(wrong(undefined), { epochs: 1, optimizer: adam }),
      ConfigError,
      'train',
      'undefined',
    ],
    ['memory without options', () => model.memory(wrong(null)), ConfigError, 'memory', 'options', 'null'],
    ['accuracy without options', () => model.accuracy(data, wrong(null)), ConfigError, 'accuracy', 'options', 'null'],
    ['attack without options', () => model.attack(attacks.fgsm(), wrong(undefined)), ConfigError, 'attack', 'options'],
    ['report of no model', () => evaluateRobustness(wrong({}), data, wrong({})), ConfigError, 'model', 'Object'],
    ['report of no data', () => evaluateRobustness(model, wrong([1]), wrong({})), ConfigError, 'test', 'an array of 1'],
    [
      'report without options',
      () => evaluateRobustness(model, data, wrong(undefined)),
      ConfigError,
      'evaluateRobustness',
      'options',
    ],
    ['fit without options', () => model.fit(data, wrong(undefined)), ConfigError, 'fit', 'options', 'undefined'],
    ['epochs', () => train({ epochs: 0 }), ConfigError, 'fit.epochs', '>= 1', 'got 0'],
    ['batch size', () => train({ batchSize: 0 }), ConfigError, 'fit.batchSize', '>= 1', 'got 0'],
    ['no optimizer', () => train({ optimizer: undefined }), ConfigError, 'fit.optimizer', 'optim.*', 'undefined'],
    ['misspelt', () => train({ epoch: 3 }), ConfigError, 'fit', "'epoch'", 'epochs'],
    ['regime', () => train({ regime: { type: 'foo' } }), ConfigError, 'fit.regime', 'regimes.*', "'foo'"],
    ['regime radius', () => regimes.adversarial(attacks.fgsm(), { epsilon: 0 }), ConfigError, 'epsilon', '> 0'],
    ['schedule', () => train({ lr: 0.1 }), ConfigError, 'fit.lr', 'schedules.*', '0.1'],
    ['gamma', () => train({ gamma: 0.1 }), ConfigError, 'fit.gamma', 'schedules.anneal', '0.1'],
    ['pixels', () => attack({ x: spoilt(1.5) }), DataError, 'attack.x', '0 to 1'],
    ['no epsilons', () => attack({ epsilons: [] }), ConfigError, 'attack.epsilons', 'an array of 0'],
    [
      'epsilon in l0',
      () => attack({ epsilons: [2, 0.5] }, attacks.pgd({ norm: 'l0' })),
      ConfigError,
      'attack.epsilons',
      'a whole number of values in l0 >= 0',
      'got 0.5',
    ],
    ['epsilon', () => attack({ epsilons: [-0.1] }), ConfigError, 'attack.epsilons', '>= 0', 'got -0.1'],
    ['seed', () => attack({ seed: 0.5 }), ConfigError, 'attack.seed', 'whole number', 'got 0.5'],
    ['no attack', () => attack({}, wrong({ steps: 3 })), ConfigError, 'attack', 'attacks.*', 'Object'],
    [
      'unknown attack',
      () => attack({}, wrong({ type: 'magic', norm: 'linf' })),
      ConfigError,
      'attack',
      'attacks.*',
      "'magic'",
    ],
    ['matmul', () => runtime().functional.matmul(matrix, matrix), ShapeError, 'matmul', '[3, 4] and [3, 4]'],
    ['weight', () => runtime().functional.linear(matrix, { weight: matrix.shape as never }), ShapeError, 'weight'],
    [
      'weight of other inputs',
      () => runtime().functional.linear(matrix, { weight: noiseTensor(1, 2, 5) }),
      ShapeError,
      'weight',
      '[2, 4]',
      '[2, 5]',
    ],
    [
      'convolution of other channels',
      () => runtime().functional.conv2d(x, { weight: noiseTensor(1, 2, 3, 1, 1) }),
      ShapeError,
      '3 channels',
      '[2, 1, 4, 4]',
    ],
    ['no weight', () => runtime().functional.conv2d(x, wrong({})), ShapeError, 'weight', 'undefined'],
    [
      'k-WTA of NaN',
      () => runtime().functional.kwta(spoilt(Number.NaN), { k: 2 }),
      DivergedError,
      'kwta',
      'NaN',
      'sample 0',
    ],
    ['functional gamma', () => runtime().functional.kwta(x, { gamma: 2 }), ConfigError, 'kwta.gamma', 'got 2'],
    ['misspelt argument', () => runtime().functional.kwta(x, wrong({ g: 1 })), ConfigError, 'kwta', "'g'"],
    ['top', () => runtime().functional.topk(matrix, { k: 5 }), ConfigError, 'topk.k', 'at most 4', 'got 5'],
    [
      'a row longer than floats can count',
      () => runtime().functional.topk(long, { k: 1 }),
      ShapeError,
      'at most 16777216',
    ],
    ['gradient', () => runtime().functional.vjp('relu', { x: matrix }, x), ShapeError, 'outputGradient', '[3, 4]'],
    ['vjp of what', () => runtime().functional.vjp(wrong('sin'), wrong({ x }), x), ConfigError, 'functional', '"sin"'],
    [
      'classes',
      () => runtime().functional.crossEntropy(matrix, { labels: [0, 1, 4] }),
      DataError,
      'labels',
      '4 at index 2',
    ],
  ];
  it.each(cases)('%s', async (_, failing, type, ...parts) => expectError(failing, type, ...parts));

  it('data of another shape, or with labels the model does not know', async () => {
    const large = datasets.fromTensors({ images: tensor(new Float32Array(25), [1, 1, 5, 5]), labels: [0] });
    await expectError(train({}, large), ShapeError, 'train', '[1, 4, 4]', '[1, 5, 5]');
    await expectError(train({ validation: large }), ShapeError, 'validation', '[1, 4, 4]', '[1, 5, 5]');
    await expectError(model.accuracy(large), ShapeError, 'data', '[1, 4, 4]', '[1, 5, 5]');
    const many = datasets.fromTensors({ images: pixels, labels: [0, 3] });
    await expectError(train({}, many), DataError, 'train.labels', '0 to 2', '3 at index 1');
    await expectError(model.accuracy(many), DataError, 'labels', '0 to 2', '3 at index 1');
  });

  it('leave the model as it was', async () => {
    const before = await model.stateDict();
    const logits = await model.logits(x);
    for (const [, failing, type, ...parts] of cases) await expectError(failing, type, ...parts);
    expect(await model.stateDict()).toEqual(before);
    expect(await model.logits(x)).toEqual(logits);
  });

  it('a state dict with one fault is not taken over at all', async () => {
    const before = await model.stateDict();
    const zeros: Record<string, Tensor> = {};
    for (const [name, { shape, data }] of Object.entries(before)) zeros[name] = { shape, data: data.map(() => 0) };
    const load = (changes: Record<string, Tensor>) => model.loadStateDict({ ...zeros, ...changes });
    const last = '3.bias';
    const { [last]: _, ...without } = zeros;
    await expectError(load({ [last]: tensor([1, 2], [2]) }), ShapeError, `'${last}'`, '[3]', '[2]');
    await expectError(model.loadStateDict(without), ShapeError, `'${last}'`, 'nothing');
    await expectError(load({ [last]: tensor([1, 2, Number.NaN], [3]) }), DataError, last, 'NaN at index 2');
    await expectError(load({ extra: tensor([1], [1]) }), ShapeError, "'extra'");
    await expectError(
      load({ [last]: { shape: [3], data: new Float32Array(2) } }),
      ShapeError,
      last,
      '3 values',
      'got 2',
    );
    await expectError(model.loadStateDict(wrong(null)), ConfigError, 'loadStateDict', 'null');
    expect(await model.stateDict()).toEqual(before);
  });
});
