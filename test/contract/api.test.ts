/** What the package exports, and the types that its users build on. */
import * as kwta from 'kwta';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { noiseTensor, useRuntime } from './support.js';

const { analysis, attacks, augment, datasets, models, nn, optim, regimes, schedules, tensor } = kwta;

describe('the package', () => {
  it('exports these names', () => {
    expect(Object.keys(kwta).sort()).toEqual(
      [
        ...['ConfigError', 'DataError', 'DivergedError', 'KwtaError', 'MemoryError', 'ShapeError', 'WorkerLostError'],
        ...[
          'accuracyOf',
          'analysis',
          'attackBench',
          'attacks',
          'augment',
          'createRuntime',
          'Dataset',
          'datasets',
          'distill',
          'evaluateRobustness',
          'exportOnnx',
          'importOnnx',
          'models',
          'nn',
          'optim',
        ],
        ...['mergeReports', 'regimes', 'robustBench', 'schedules', 'tensor', 'transferMatrix', 'verifyReport'],
      ].sort(),
    );
    const names = (part: object) => Object.keys(part).sort();
    expect(names(attacks)).toEqual([
      'adaptiveKwta',
      'apgd',
      'autoAttack',
      'bim',
      'boundary',
      'bpda',
      'carliniWagner',
      'ddn',
      'deepFool',
      'estimatedGradient',
      'fab',
      'fgsm',
      'fmn',
      'geoDa',
      'hopSkipJump',
      'mim',
      'minimal',
      'noise',
      'pdpgd',
      'pgd',
      'rays',
      'restarts',
      'sigmaZero',
      'signOpt',
      'smoothed',
      'square',
      'transfer',
    ]);
    expect(names(analysis)).toEqual(['jumps', 'landscape', 'linearRegions', 'patternChange']);
    expect(names(datasets)).toEqual(
      [
        ...['cifar10', 'cifar100', 'fashionMnist', 'fromIterable', 'fromTensors', 'idx', 'imageFolder', 'npz', 'svhn'],
        'synthetic',
      ].sort(),
    );
    expect(names(optim)).toEqual(['adam', 'adamw', 'sgd']);
    expect(names(regimes)).toEqual(['adversarial', 'fast', 'free', 'natural', 'trades']);
    expect(names(augment)).toEqual(['cutOut', 'flip', 'mixUp', 'padCrop']);
    expect(names(schedules)).toEqual(['anneal', 'cosine', 'linear', 'multiStep', 'oneCycle', 'step', 'warmUp']);
    expect(names(models)).toEqual(['alexNet', 'denseNet121', 'resNet18', 'resNet34', 'smallCnn', 'wideResNet']);
    expect(names(nn)).toEqual(
      [
        ...['avgPool2d', 'batchNorm2d', 'concat', 'conv2d', 'dropout', 'dutyCycles', 'elu', 'flatten', 'gelu'],
        ...['globalAvgPool2d', 'groupNorm', 'kwta', 'layerNorm', 'leakyRelu', 'linear', 'maxPool2d', 'normalize'],
        ...['relu', 'replaceActivation', 'residual', 'sequential', 'silu', 'summary'],
      ].sort(),
    );
  });

  it('describes models, attacks, optimizers, regimes and schedules as plain data', () => {
    const parts = [
      models.resNet18({ activation: nn.kwta({ gamma: 0.1 }) }),
      models.smallCnn({ activation: nn.relu() }),
      attacks.pgd({ steps: 3 }),
      attacks.estimatedGradient({ samples: [10, 20] }),
      optim.sgd({ lr: 0.1 }),
      optim.adamw(),
      regimes.adversarial(attacks.fgsm(), { epsilon: 0.1 }),
      regimes.trades({ epsilon: 0.1 }),
      regimes.free({ epsilon: 0.1 }),
      regimes.fast({ epsilon: 0.1 }),
      schedules.anneal({ from: 0.2, to: 0.1, by: 0.005 }),
    ];
    for (const part of parts) expect(structuredClone(part)).toEqual(part);
    for (const part of parts.slice(0, 2)) expect(JSON.parse(JSON.stringify(part))).toEqual(part);
  });

  it('makes tensors that keep a Float32Array and copy anything else', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    expect(tensor(data, [2, 2]).data).toBe(data);
    expect(tensor([1, 2, 3, 4], [2, 2])).toEqual({ shape: [2, 2], data });
    const shape = [4];
    const made = tensor(data, shape);
    shape[0] = 1;
    expect(made.shape).toEqual([4]);
  });
});

describe('a runtime', () => {
  const runtime = useRuntime();

  it('says what it runs on, and cannot be talked out of it', () => {
    const { info } = runtime();
    expect(['simd', 'simd-threads', 'relaxed-threads']).toContain(info.variant);
    expect(info.shared).toBe(info.variant !== 'simd');
    expect(() => Object.assign(info, { threads: 99 })).toThrow(TypeError);
  });

  it('makes models that know their sizes', async () => {
    const layers = [nn.conv2d({ out: 4, kernel: 3 }), nn.relu(), nn.flatten(), nn.linear({ out: 7 })];
    const model = await runtime().model(nn.sequential(layers, { input: [2, 5, 4] }));
    expect(model.classes).toBe(7);
    expect(model.input).toEqual([2, 5, 4]);
    expect(model.parameters).toBe(4 * 2 * 9 + 4 + 4 * 3 * 2 * 7 + 7);
    const x = noiseTensor(1, 3, 2, 5, 4);
    const { shape, data } = await model.logits(x);
    expect(shape).toEqual([3, 7]);
    const rows = [0, 1, 2].map((i) => Array.from(data.slice(7 * i, 7 * i + 7)));
    expect(Array.from(await model.predict(x))).toEqual(rows.map((row) => row.indexOf(Math.max(...row))));
  });

  it('leaves what it is given as it was', async () => {
    const model = await runtime().model(
      nn.sequential([nn.kwta({ gamma: 0.5 }), nn.flatten(), nn.linear({ out: 2 })], { input: [1, 3, 3] }),
    );
    const x = noiseTensor(1, 2, 1, 3, 3);
    const copy = structuredClone(x);
    await model.logits(x);
    await model.inputGradient(x, [0, 1]);
    const pixels = { ...x, data: x.data.map(Math.abs) };
    const before = structuredClone(pixels);
    await model.attack(attacks.pgd({ steps: 2 }), { x: pixels, labels: [0, 1], epsilons: [0.1] });
    expect(x).toEqual(copy);
    expect(pixels).toEqual(before);
  });

  it('answers calls that overlap, each with its own result', async () => {
    const x = [1, 2, 3, 4].map((seed) => noiseTensor(seed, 1, 2, 3, 3));
    const together = await Promise.all(x.map((each) => runtime().functional.kwta(each, { k: 5 })));
    for (const [i, each] of x.entries()) {
      expect(await runtime().functional.kwta(each, { k: 5 })).toEqual(together[i]);
    }
  });
});

describe('types', () => {
  it('of calls and results', () => {
    type Model = kwta.Model;
    expectTypeOf(kwta.createRuntime).returns.resolves.toEqualTypeOf<kwta.Runtime>();
    expectTypeOf<Model['logits']>().returns.resolves.toEqualTypeOf<kwta.Tensor>();
    expectTypeOf<Model['predict']>().returns.resolves.toEqualTypeOf<Int32Array>();
    expectTypeOf<Model['fit']>().returns.toEqualTypeOf<kwta.FitRun>();
    expectTypeOf<kwta.FitRun>().toExtend<AsyncIterable<kwta.FitEvent>>();
    expectTypeOf<kwta.FitRun>().toExtend<PromiseLike<kwta.History>>();
    expectTypeOf<Model['attack']>().returns.resolves.toEqualTypeOf<kwta.AttackResult>();
    // The last of the overloads: one model.
    expectTypeOf<ReturnType<typeof kwta.evaluateRobustness>>().resolves.toEqualTypeOf<kwta.RobustnessReport>();
    expectTypeOf<Model>().toExtend<AsyncDisposable>();
    expectTypeOf<kwta.Runtime>().toExtend<AsyncDisposable>();
  });

  it('of events tell batches from epochs', () => {
    const check = (event: kwta.FitEvent): number | undefined => {
      if (event.type === 'batch') return event.lr;
      expectTypeOf(event).toEqualTypeOf<kwta.EpochEvent>();
      return event.validationAccuracy;
    };
    expect(check({ type: 'batch', epoch: 0, step: 1, steps: 1, loss: 0, accuracy: 1, lr: 0.5 })).toBe(0.5);
  });

  it('of layers: a container with an input is a model', () => {
    expectTypeOf(nn.sequential([], { input: [1, 2, 3] })).toEqualTypeOf<kwta.ModelSpec>();
    expectTypeOf(nn.sequential([])).not.toExtend<kwta.ModelSpec>();
    expectTypeOf(nn.sequential([])).toExtend<kwta.ModuleSpec>();
    expectTypeOf(nn.residual({ main: [] })).toExtend<kwta.ModuleSpec>();
    expectTypeOf<Parameters<kwta.Model['inputGradient']>[2]>().toEqualTypeOf<{ loss?: kwta.Loss } | undefined>();
  });

  it('of operations: gradients come by the name of the argument', () => {
    type Functional = kwta.Runtime['functional'];
    expectTypeOf<Parameters<Functional['relu']>>().toExtend<[kwta.Tensor, object?]>();
    expectTypeOf<Functional['topk']>().returns.resolves.toEqualTypeOf<{ values: kwta.Tensor; indices: kwta.Tensor }>();
    expectTypeOf<Functional['vjp']>().returns.resolves.toEqualTypeOf<Record<string, kwta.Tensor>>();
  });
});
