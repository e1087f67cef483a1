/** Plain data: every field of every kind is checked alike, by constructors, in calls, and when a file is loaded. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  attacks,
  augment,
  ConfigError,
  DataError,
  datasets,
  type Model,
  models,
  nn,
  optim,
  regimes,
  schedules,
} from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// All tables, so that every descriptor is tried without a list of them here.
import { type Descriptor, parse } from '../../dist/base/schema.js';
import { encodeSafetensors } from '../../dist/io/safetensors.js';
import { layerDescriptors } from '../../dist/ops/index.js';
import { augmentDescriptors } from '../../dist/train/augment/index.js';
import { optimizerDescriptors } from '../../dist/train/optimizers/index.js';
import { regimeDescriptors } from '../../dist/train/regimes/index.js';
import { annealDescriptors } from '../../dist/train/schedules/anneal.js';
import { learningRateDescriptors } from '../../dist/train/schedules/learningRate.js';
import { caught, expectError, useRuntime } from '../contract/support.js';
import { conforms, type JsonSchema } from './jsonSchema.js';

type Fields = Record<string, unknown>;

/** What a constructor is given, and values that each field must not have. */
interface Row {
  make: (options: never) => object;
  /** Of the path, where it is not the type. */
  argument?: string;
  options: Fields;
  bad: Record<string, unknown[]>;
  /** Values that only the package refuses: a rule between two fields. */
  beyondJson?: string[];
}

const notCounts = [0, -1, 1.5, 2 ** 31, '3', null, [], {}];
const notNames = [3, null, {}];
const notFlags = [0, 'true', null];
const notShares = [-0.1, 1, '0', null];
const notPositive = [0, -1, '1', null];
const pool = { kernel: [0, 1.5, '2'], stride: notCounts, padding: [-1, 0.5, 2], name: notNames };

const layerRows: { [Type in keyof typeof layerDescriptors]: Row } = {
  avgPool2d: { make: nn.avgPool2d, options: { kernel: 3 }, bad: pool, beyondJson: ['padding'] },
  batchNorm2d: {
    make: nn.batchNorm2d,
    options: {},
    bad: { eps: notPositive, momentum: [-0.1, 1.1, '0'], name: notNames },
  },
  conv2d: {
    make: nn.conv2d,
    options: { out: 2, kernel: 3 },
    bad: {
      out: notCounts,
      kernel: [0, 1.5, '3', [3], [3, 3, 3], null],
      stride: notCounts,
      padding: [-1, 0.5, 2 ** 31, null],
      bias: notFlags,
      name: notNames,
    },
  },
  dropout: { make: nn.dropout, options: { p: 0.5 }, bad: { p: notShares, always: notFlags, name: notNames } },
  elu: { make: nn.elu, options: {}, bad: { alpha: ['1', null, {}], name: notNames } },
  flatten: { make: nn.flatten, options: {}, bad: { name: notNames } },
  gelu: { make: nn.gelu, options: {}, bad: { name: notNames } },
  globalAvgPool2d: { make: nn.globalAvgPool2d, options: {}, bad: { name: notNames } },
  groupNorm: {
    make: nn.groupNorm,
    options: { groups: 1 },
    bad: { groups: notCounts, eps: notPositive, name: notNames },
  },
  kwta: {
    make: nn.kwta,
    options: { gamma: 0.5 },
    bad: {
      gamma: [0, 1.5, 2.5, '0.1'],
      k: [0, 2.5, -1],
      scope: ['sample', 1],
      by: ['size', true],
      boost: [3, null, 'on'],
      ties: ['all', 1],
      backward: ['none', true],
      temperature: notPositive,
      name: notNames,
    },
  },
  layerNorm: { make: nn.layerNorm, options: {}, bad: { eps: notPositive, name: notNames } },
  leakyRelu: { make: nn.leakyRelu, options: {}, bad: { slope: ['1', null, {}], name: notNames } },
  linear: { make: nn.linear, options: { out: 3 }, bad: { out: notCounts, bias: notFlags, name: notNames } },
  maxPool2d: { make: nn.maxPool2d, options: { kernel: 2 }, bad: pool, beyondJson: ['padding'] },
  normalize: {
    make: nn.normalize,
    options: { mean: [0.5], std: [0.25] },
    bad: { mean: [0.5, null, {}], std: [1, 'one'], name: notNames },
  },
  relu: { make: nn.relu, options: {}, bad: { name: notNames } },
  silu: { make: nn.silu, options: {}, bad: { name: notNames } },
};

const adaptive = { lr: notPositive, betas: [[0.9], [0, 0, 0], 0.9], eps: notPositive, weightDecay: [-1, '0'] };
const optimizerRows: { [Type in keyof typeof optimizerDescriptors]: Row } = {
  adam: { make: optim.adam, options: {}, bad: adaptive },
  adamw: { make: optim.adamw, options: {}, bad: adaptive },
  sgd: {
    make: optim.sgd,
    options: { lr: 0.1 },
    bad: { lr: notPositive, momentum: notShares, weightDecay: [-1, '0'], nesterov: [1, true] },
    beyondJson: ['nesterov'],
  },
};

const scheduleRows: { [Type in keyof typeof learningRateDescriptors]: Row } = {
  linear: { make: schedules.linear, argument: 'schedules.linear', options: { to: 0.1 }, bad: { to: [-1, 'x'] } },
  oneCycle: {
    make: schedules.oneCycle,
    argument: 'schedules.oneCycle',
    options: {},
    bad: { peak: [0, 'x'], warmUp: [0, 1] },
  },
  warmUp: {
    make: schedules.warmUp,
    argument: 'schedules.warmUp',
    options: { epochs: 1, then: schedules.cosine() },
    bad: { epochs: [0, 1.5], then: ['x'] },
  },
  cosine: { make: schedules.cosine, argument: 'schedules.cosine', options: {}, bad: {} },
  multiStep: {
    make: schedules.multiStep,
    argument: 'schedules.multiStep',
    options: { milestones: [2, 4] },
    bad: { milestones: [3, null], factor: notPositive },
  },
  step: {
    make: schedules.step,
    argument: 'schedules.step',
    options: { every: 2 },
    bad: { every: notCounts, factor: notPositive },
  },
};

const augmentRows: { [Type in keyof typeof augmentDescriptors]: Row } = {
  cutOut: { make: augment.cutOut, argument: 'augment.cutOut', options: { size: 2 }, bad: { size: notCounts } },
  flip: { make: augment.flip, argument: 'augment.flip', options: {}, bad: { p: [-0.1, 1.5, 'x'] } },
  mixUp: { make: augment.mixUp, argument: 'augment.mixUp', options: { alpha: 0.2 }, bad: { alpha: [0, -1, 1e9] } },
  padCrop: { make: augment.padCrop, argument: 'augment.padCrop', options: { padding: 4 }, bad: { padding: notCounts } },
};

const annealRows: { [Type in keyof typeof annealDescriptors]: Row } = {
  cosine: {
    make: schedules.cosine,
    argument: 'schedules.cosine',
    options: { from: 0.2, to: 0.1 },
    bad: { from: [0, 1.1], to: [0, 'x'], epochs: [0, 1.5] },
  },
  linear: {
    make: schedules.linear,
    argument: 'schedules.linear',
    options: { from: 0.2, to: 0.1, epochs: 3 },
    bad: { from: [0, 1.1], to: [0, 'x'], epochs: [0, 1.5] },
  },
  anneal: {
    make: schedules.anneal,
    argument: 'schedules.anneal',
    options: { from: 0.3, to: 0.1, by: 0.1 },
    bad: { from: [0, 1.5], to: [0, 2, '1'], by: notPositive, every: notCounts },
  },
};

const regimeRows: { [Type in keyof typeof regimeDescriptors]: Row } = {
  fast: {
    make: regimes.fast,
    argument: 'regimes.fast',
    options: { epsilon: 0.1 },
    bad: { epsilon: notPositive, stepSize: notPositive },
  },
  free: {
    make: regimes.free,
    argument: 'regimes.free',
    options: { epsilon: 0.1 },
    bad: { epsilon: notPositive, replays: notCounts },
  },
  trades: {
    make: regimes.trades,
    argument: 'regimes.trades',
    options: { epsilon: 0.1 },
    bad: { epsilon: notPositive, beta: [-1, '6'], steps: notCounts, stepSize: notPositive },
  },
  natural: { make: regimes.natural, argument: 'regimes.natural', options: {}, bad: {} },
  adversarial: {
    make: ({ attack, ...rest }: { attack: ReturnType<typeof attacks.pgd>; epsilon: number }) =>
      regimes.adversarial(attack, rest),
    argument: 'regimes.adversarial',
    options: { attack: attacks.pgd({ steps: 2 }), epsilon: 0.1 },
    bad: { attack: [null, {}, { type: 'foo' }, { type: 'estimatedGradient' }], epsilon: notPositive },
    beyondJson: ['attack'],
  },
};

/** A family: its rows and descriptors, and the call that takes its members, under a path. */
interface Family {
  rows: Record<string, Row>;
  descriptors: Record<string, Descriptor>;
  schema: string;
  path: string;
  call: (value: object) => Promise<unknown>;
}

const runtime = useRuntime({ threads: 1 });
const data = datasets.synthetic({ count: 4, seed: 1 });
let model: Model;
let folder: string;

const modelOf = (...layers: object[]) => ({ type: 'sequential', input: [1, 4, 4], layers }) as never;
const train = (options: object) => async () => model.fit(data, { epochs: 1, optimizer: optim.adam(), ...options });

/** Loads a file with this description. */
async function load(spec: unknown): Promise<unknown> {
  const path = join(folder, 'model.safetensors');
  await writeFile(path, encodeSafetensors({ tensors: {}, metadata: { 'kwta.model': JSON.stringify(spec) } }));
  return runtime().load(path);
}

const families: Record<string, Family> = {
  layers: {
    rows: layerRows,
    descriptors: layerDescriptors,
    schema: 'model',
    path: 'model.layers[0]',
    call: (layer) => runtime().model(modelOf(layer)),
  },
  optimizers: {
    rows: optimizerRows,
    descriptors: optimizerDescriptors,
    schema: 'optimizer',
    path: 'fit.optimizer',
    call: (optimizer) => train({ optimizer })(),
  },
  schedules: {
    rows: scheduleRows,
    descriptors: learningRateDescriptors,
    schema: 'schedule',
    path: 'fit.lr',
    call: (lr) => train({ lr })(),
  },
  anneal: {
    rows: annealRows,
    descriptors: annealDescriptors,
    schema: 'anneal',
    path: 'fit.gamma',
    call: (gamma) => train({ gamma })(),
  },
  augment: {
    rows: augmentRows,
    descriptors: augmentDescriptors,
    schema: 'augment',
    path: 'fit.augment[0]',
    call: (each) => train({ augment: [each] })(),
  },
  regimes: {
    rows: regimeRows,
    descriptors: regimeDescriptors,
    schema: 'regime',
    path: 'fit.regime',
    call: (regime) => train({ regime })(),
  },
};

const everyRow = Object.entries(families).flatMap(([name, family]) =>
  Object.entries(family.rows).map(([type, row]) => [`${name}: ${type}`, family, type, row] as const),
);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-descriptors-'));
  model = await runtime().model(models.smallCnn({ activation: nn.relu(), channels: [2, 2, 2] }));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(everyRow)('%s', (_, family, type, row) => {
  const { schema } = family.descriptors[type] as Descriptor & { schema: { entries: Fields } };
  const made = (): object => row.make(row.options as never);

  it('is what its constructor makes, defaults and all', () => {
    expect(parse(schema, made(), type)).toEqual(made());
    expect(parse(schema, { ...row.options, type }, type)).toEqual(made());
  });

  it('has a row for every field', () => {
    expect(Object.keys(row.bad).sort()).toEqual(
      Object.keys(schema.entries)
        .filter((key) => key !== 'type')
        .sort(),
    );
  });

  it('refuses every bad value with its path: in the constructor and in a call', async () => {
    for (const [field, values] of Object.entries(row.bad)) {
      for (const value of values) {
        const make = () => row.make({ ...row.options, [field]: value } as never);
        await expectError(make, ConfigError, `${row.argument ?? type}.${field}`, 'expected');
        await expectError(() => family.call({ ...made(), [field]: value }), ConfigError, `${family.path}.${field}`);
      }
    }
    await expectError(
      () => family.call({ ...made(), dilation: 2 }),
      ConfigError,
      family.path,
      "'dilation'",
      'known are',
    );
  });

  it('has a JSON Schema that takes and refuses the same', async () => {
    const json = JSON.parse(await readFile(`dist/schema/${family.schema}.json`, 'utf8')) as JsonSchema;
    const whole = (value: unknown) => (family.schema === 'model' ? modelOf(value as object) : value);
    expect(conforms(json, whole(made()))).toBe(true);
    expect(conforms(json, whole({ ...row.options, type }))).toBe(true);
    expect(conforms(json, whole({ ...made(), dilation: 2 }))).toBe(false);
    for (const [field, values] of Object.entries(row.bad)) {
      const taken = values.filter((value) => conforms(json, whole({ ...made(), [field]: value })));
      expect(taken.length > 0, field).toBe(row.beyondJson?.includes(field) ?? false);
    }
  });
});

describe('a file', () => {
  it.each(Object.entries(layerRows))('is refused for every bad field of %s, by name and path', async (_, row) => {
    for (const [field, values] of Object.entries(row.bad)) {
      for (const value of values) {
        const spec = modelOf({ ...row.make(row.options as never), [field]: value });
        await expectError(() => load(spec), DataError, 'model.safetensors', `model.layers[0].${field}`, 'expected');
      }
    }
  });

  it.each([
    ['an unknown layer', { type: 'foo' }, "the type 'foo'"],
    ['a key too many', { ...nn.relu(), dilation: 2 }, "unknown option 'dilation'"],
    [
      'a key that would be a prototype',
      JSON.parse('{ "type": "relu", "__proto__": {} }'),
      "unknown option '__proto__'",
    ],
  ])('is refused for %s', async (_, layer, message) => {
    await expectError(() => load(modelOf(layer)), DataError, 'model.safetensors', 'model.layers[0]', message);
  });
});

describe('a description', () => {
  it('is refused for all that is wrong with it at once, by path', async () => {
    const spec = modelOf(
      { type: 'conv2d', out: 2, kernel: [3, 0], stride: 1.5 },
      { type: 'residual', main: [nn.relu(), { type: 'foo' }], shortcut: [{ type: 'kwta' }] },
      { type: 'sequential', layers: [{ type: 'linear', out: 0, dilation: 2, bias: 1 }, 3] },
    );
    await expectError(
      () => runtime().model(spec),
      ConfigError,
      'model.layers[0].kernel[1]: expected a whole number >= 1, got 0;',
      'model.layers[0].stride: expected a whole number >= 1, got 1.5;',
      'model.layers[1].main[1]: expected a layer made by nn.* (',
      'model.layers[1].shortcut[0]: expected either gamma or k, got gamma = undefined and k = undefined;',
      'model.layers[2].layers[0].out: expected a whole number >= 1, got 0;',
      'model.layers[2].layers[0].bias: expected true or false, got 1;',
      "model.layers[2].layers[0]: unknown option 'dilation'; known are out, bias, name;",
      'model.layers[2].layers[1]: expected a layer made by nn.*, got 3',
    );
  });

  it('may leave out what has a default', async () => {
    const short = await runtime().model(
      modelOf({ type: 'conv2d', out: 2, kernel: 3 }, { type: 'residual', main: [{ type: 'relu' }] }, nn.flatten()),
    );
    expect(short.spec.layers.slice(0, 2)).toEqual([
      nn.conv2d({ out: 2, kernel: 3 }),
      nn.residual({ main: [nn.relu()] }),
    ]);
    await short.dispose();
  });

  it('may come from another realm, or have no prototype; it is copied', async () => {
    const layer = Object.assign(Object.create(null), nn.flatten());
    const spec = runInNewContext('({ type: "sequential", input: [1, 4, 4], layers: [layer] })', { layer });
    const foreign = await runtime().model(spec);
    spec.layers.length = 0;
    expect(foreign.spec.layers).toEqual([nn.flatten()]);
    await foreign.dispose();
  });

  it.each([
    ['a class', new Map(), 'expected plain data, got Map'],
    [
      'a getter',
      Object.defineProperty({}, 'type', { enumerable: true, get: () => 'relu' }),
      'layers[0].type: expected',
    ],
    ['what is inherited', Object.create({ type: 'relu' }), 'expected plain data, got Object'],
  ])('does not take %s', async (_, layer, message) => {
    await expectError(() => runtime().model(modelOf(layer)), ConfigError, 'model.layers[0]', message);
  });

  it('does not take itself', async () => {
    const spec: { layers: unknown[] } = modelOf();
    spec.layers.push(spec);
    await expectError(() => runtime().model(spec as never), ConfigError, 'model.layers[0]', 'contains itself');
  });

  it('of an optimizer as plain data gets its defaults, and trains', async () => {
    const { epochs } = await model.fit(data, { epochs: 1, optimizer: { type: 'sgd', lr: 0.01 } as never });
    expect(epochs[0].loss).toBeGreaterThan(0);
    for (const { data } of Object.values(await model.stateDict())) expect(data.every(Number.isFinite)).toBe(true);
  });
});

describe('names', () => {
  const block = (name: (own: string) => string) =>
    nn.residual({
      name: 'layer1.0',
      main: [
        nn.conv2d({ name: name('conv1'), out: 2, kernel: 3, padding: 1 }),
        nn.sequential([nn.conv2d({ name: '.0', out: 2, kernel: 1 })], { name: name('inner') }),
      ],
      shortcut: [nn.conv2d({ name: name('downsample.0'), out: 2, kernel: 1, bias: false })],
    });

  it('that begin with a dot continue the container, others stand for themselves', async () => {
    const keys = [];
    for (const name of [(own: string) => `.${own}`, (own: string) => `layer1.0.${own}`]) {
      const built = await runtime().model(modelOf(block(name), nn.flatten({ name: '.flat' })));
      keys.push(Object.keys(await built.stateDict()));
      await built.dispose();
    }
    expect(keys[0]).toEqual([
      'layer1.0.conv1.weight',
      'layer1.0.conv1.bias',
      'layer1.0.inner.0.weight',
      'layer1.0.inner.0.bias',
      'layer1.0.downsample.0.weight',
    ]);
    expect(keys[1]).toEqual(keys[0]);
  });

  it("of ResNet-18 are torchvision's", async () => {
    const built = await runtime().model(models.resNet18({ activation: nn.relu(), width: 1 }));
    const names = Object.keys(await built.stateDict());
    expect(names.filter((name) => name.startsWith('layer2.0.') && name.endsWith('weight'))).toEqual([
      'layer2.0.conv1.weight',
      'layer2.0.bn1.weight',
      'layer2.0.conv2.weight',
      'layer2.0.bn2.weight',
      'layer2.0.downsample.0.weight',
      'layer2.0.downsample.1.weight',
    ]);
    expect(names).toHaveLength(102);
    await built.dispose();
  });
});

it('any description gives a model that runs, or an error that names what is wrong', async () => {
  const junk = fc.constantFrom(null, 1.5, -1, 2 ** 31, 2 ** 31 - 1, 2 ** 53, Number.NaN, '3', '', true, [], {}, [1, 2]);
  const count = fc.oneof({ weight: 40, arbitrary: fc.integer({ min: 0, max: 4 }) }, { weight: 1, arbitrary: junk });
  const share = fc.oneof({ weight: 30, arbitrary: fc.double({ min: 0, max: 1 }) }, { weight: 1, arbitrary: junk });
  const flag = fc.oneof({ weight: 30, arbitrary: fc.boolean() }, { weight: 1, arbitrary: junk });
  const some = (type: string, fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []) =>
    fc.record({ type: fc.constant(type), ...fields }, { requiredKeys: ['type', ...requiredKeys] as never[] });
  const layer = fc.oneof(
    some(
      'conv2d',
      { out: count, kernel: fc.oneof(count, fc.tuple(count, count)), stride: count, padding: count, bias: flag },
      ['out', 'kernel'],
    ),
    some('linear', { out: count, bias: flag }, ['out']),
    some('maxPool2d', { kernel: count, stride: count, padding: count }, ['kernel']),
    some('avgPool2d', { kernel: count, stride: count, padding: count }, ['kernel']),
    some(
      'kwta',
      { gamma: share, ties: fc.constantFrom('lowest', 'keep'), backward: fc.constantFrom('mask', 'softmask') },
      ['gamma'],
    ),
    some('kwta', { k: count }),
    some('batchNorm2d', { eps: share, momentum: share }),
    some('dropout', { p: share }),
    some('normalize', { mean: fc.array(share), std: fc.array(share) }),
    fc.constantFrom('relu', 'flatten', 'globalAvgPool2d', 'add', 'softmax', 'foo').map((type) => ({ type })),
    junk,
  );
  const { module } = fc.letrec((tie) => ({
    list: fc.array(tie('module'), { maxLength: 4 }),
    module: fc.oneof(
      { maxDepth: 2 },
      layer,
      some('residual', { main: tie('list'), shortcut: tie('list') }),
      some('sequential', { layers: tie('list'), name: fc.constantFrom('a', '.b', '.') }),
    ),
  }));
  const ends = [nn.flatten({ name: 'end.0' }), nn.linear({ out: 2, name: 'end.1' })];
  let ran = 0;
  await fc.assert(
    fc.asyncProperty(fc.tuple(count, count, count), fc.array(module, { maxLength: 4 }), async (input, layers) => {
      const spec = { type: 'sequential', input, layers: [...layers, ...ends] };
      const built = await caught(async () => {
        const model = await runtime().model(spec as never);
        const [c, h, w] = model.input;
        await model.logits({ shape: [1, c, h, w], data: new Float32Array(c * h * w).fill(0.5) });
        await model.dispose();
      });
      if (built === undefined) ran++;
      else {
        expect((built as { code?: string }).code, String(built)).toMatch(/ERR_KWTA_(CONFIG|SHAPE|MEMORY)/);
      }
    }),
    { numRuns: 1000 },
  );
  expect(ran).toBeGreaterThan(20);
});
