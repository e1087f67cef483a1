/**
 * Random networks for property tests. What is drawn is a list of layers that need not fit each other; it is
 * then made to fit from the input on, so that every list stands for a network and shrinks to smaller ones.
 */
import fc from 'fast-check';
import { type Loss, type ModelSpec, type ModuleSpec, nn, type Tensor } from 'kwta';
import { noise, noiseTensor } from '../contract/support.js';

type Spec<Type extends ModuleSpec['type']> = Extract<ModuleSpec, { type: Type }>;

/** Extents of one sample. */
type Features = [c: number, h: number, w: number];

/** A layer before it is made to fit. */
type Draft =
  | Spec<'conv2d' | 'linear' | 'maxPool2d' | 'avgPool2d' | 'relu' | 'batchNorm2d' | 'flatten' | 'dropout'>
  | Spec<'globalAvgPool2d' | 'leakyRelu' | 'elu' | 'gelu' | 'silu' | 'layerNorm'>
  /** The groups are the largest number up to `groups` that divides the channels. */
  | Spec<'groupNorm'>
  /** The share of all values that win, as gamma or as their number. */
  | ({ type: 'kwta'; share: number; absolute: boolean } & Pick<
      Spec<'kwta'>,
      'ties' | 'backward' | 'scope' | 'by' | 'boost'
    >)
  /** Mean and deviation are repeated for all channels. */
  | { type: 'normalize'; mean: number[]; std: number[] }
  | { type: 'sequential'; layers: Draft[] }
  /** Branches get a convolution that makes them fit the first. */
  | { type: 'concat'; branches: Draft[][]; winners: boolean }
  /** The shortcut is the identity where that fits and `identity` says so, else a convolution that makes it fit. */
  | { type: 'residual'; main: Draft[]; identity: boolean; shortcut: Draft[] };

/** A network and a batch for it. */
export interface Case {
  spec: ModelSpec;
  labels: number[];
  /** Pixels take few different values, so that some are equal. */
  coarse: boolean;
  loss: Loss;
  recompute: boolean;
  seed: number;
}

/** Multiply-adds of a layer for a whole batch: beyond, it gets fewer channels. */
const budget = 30_000;

const few = fc.integer({ min: 1, max: 9 });
/** Around the blocks of 32 output channels, and above what joins the entries of two k-WTA layers. */
const channels = fc.oneof(
  { weight: 5, arbitrary: few },
  { weight: 2, arbitrary: fc.constantFrom(16, 31, 32, 33, 40) },
  { weight: 2, arbitrary: fc.constantFrom(64, 65, 100) },
);
const kernelSize = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(1, 3) }, fc.integer({ min: 1, max: 5 }));
const extent = fc.integer({ min: 1, max: 9 });
const percent = fc.integer({ min: 1, max: 100 }).map((whole) => whole / 100);

/** Convolutions and k-WTA are what most of the code is about; what ends all pixels is rare. */
const simple: fc.WeightedArbitrary<Draft>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('conv2d' as const),
      out: channels,
      kernel: fc.oneof(kernelSize, fc.tuple(kernelSize, kernelSize)),
      stride: fc.constantFrom(1, 1, 2, 3),
      padding: fc.integer({ min: 0, max: 2 }),
      bias: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('kwta' as const),
      share: fc.oneof(fc.constantFrom(0.1, 0.2, 0.3, 1), percent),
      absolute: fc.boolean(),
      ties: fc.constantFrom('lowest' as const, 'keep' as const),
      backward: fc.oneof(
        { weight: 3, arbitrary: fc.constant('mask' as const) },
        fc.constantFrom('identity' as const, 'softmask' as const),
      ),
      scope: fc.oneof(
        { weight: 2, arbitrary: fc.constant('layer' as const) },
        fc.constantFrom('channel' as const, 'pixel' as const),
      ),
      by: fc.oneof(
        { weight: 2, arbitrary: fc.constant('value' as const) },
        { weight: 1, arbitrary: fc.constant('magnitude' as const) },
      ),
      boost: fc.option(
        fc.record({
          strength: fc.constantFrom(0, 0.5, 2),
          period: fc.constant(100),
          inferenceFactor: fc.constantFrom(1, 1.5),
        }),
        { freq: 4, nil: undefined },
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('relu' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('batchNorm2d' as const),
      eps: fc.constantFrom(1e-5, 1e-3),
      momentum: fc.constant(0.1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ type: fc.constant('leakyRelu' as const), slope: fc.constantFrom(0.01, 0.25) }),
      fc.record({ type: fc.constant('elu' as const), alpha: fc.constantFrom(1, 0.5) }),
      fc.record({ type: fc.constantFrom('gelu' as const, 'silu' as const) }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ type: fc.constant('groupNorm' as const), groups: few, eps: fc.constantFrom(1e-5, 1e-3) }),
      fc.record({ type: fc.constant('layerNorm' as const), eps: fc.constantFrom(1e-5, 1e-3) }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('linear' as const), out: channels, bias: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('maxPool2d' as const, 'avgPool2d' as const),
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 3 }),
      padding: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('flatten' as const, 'globalAvgPool2d' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('dropout' as const), p: fc.constantFrom(0, 0.25, 0.5) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('normalize' as const),
      mean: fc.array(fc.constantFrom(0, 0.25, 0.5), { minLength: 1, maxLength: 3 }),
      std: fc.array(fc.constantFrom(1, 0.5, 0.25), { minLength: 1, maxLength: 3 }),
    }),
  },
];

const { layer } = fc.letrec<{ layer: Draft; layers: Draft[]; short: Draft[] }>((tie) => ({
  layer: fc.oneof(
    { maxDepth: 2 },
    ...simple,
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('residual' as const),
        main: tie('layers'),
        identity: fc.boolean(),
        shortcut: tie('short'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('sequential' as const), layers: tie('layers') }) },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('concat' as const),
        branches: fc.array(tie('short'), { minLength: 1, maxLength: 3 }),
        winners: fc.boolean(),
      }),
    },
  ),
  layers: fc.array(tie('layer'), { maxLength: 4 }),
  short: fc.array(tie('layer'), { maxLength: 2 }),
}));

/** The layers of `drafts` that fit behind `from`, and what comes out of them. */
function fitted(drafts: readonly Draft[], from: Features, samples: number): { layers: ModuleSpec[]; to: Features } {
  const layers: ModuleSpec[] = [];
  let at = from;
  for (const draft of drafts) {
    for (const { module, to } of modulesOf(draft, at, samples)) {
      layers.push(module);
      at = to;
    }
  }
  return { layers, to: at };
}

/** Output pixels along one side. */
function sides(size: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}

function convolutionOf(
  draft: Spec<'conv2d'>,
  [c, h, w]: Features,
  samples: number,
): { module: ModuleSpec; to: Features } {
  const { stride, padding, bias } = draft;
  const wanted = [draft.kernel].flat();
  const [kh, kw] = [Math.min(wanted[0], h + 2 * padding), Math.min(wanted.at(-1) as number, w + 2 * padding)];
  const [oh, ow] = [sides(h, kh, stride, padding), sides(w, kw, stride, padding)];
  const out = Math.max(1, Math.min(draft.out, Math.floor(budget / (samples * c * kh * kw * oh * ow))));
  const kernel: number | [number, number] = wanted.length === 1 && kh === kw ? kh : [kh, kw];
  return { module: nn.conv2d({ out, kernel, stride, padding, bias }), to: [out, oh, ow] };
}

/** Convolutions from one shape to another, with a stride where one fits. */
function adapters([from, h, w]: Features, [c, oh, ow]: Features, samples: number): ModuleSpec[] {
  const stride = 2 * (oh - 1) < h && 2 * (ow - 1) < w ? 2 : 1;
  const padding = Math.max(0, Math.ceil(((oh - 1) * stride + 1 - h) / 2), Math.ceil(((ow - 1) * stride + 1 - w) / 2));
  const kernel: [number, number] = [h + 2 * padding - (oh - 1) * stride, w + 2 * padding - (ow - 1) * stride];
  const dear = samples * from * c * kernel[0] * kernel[1] * oh * ow > budget;
  const narrow = dear ? [nn.conv2d({ out: 1, kernel: 1 })] : [];
  return [...narrow, nn.conv2d({ out: c, kernel, stride, padding, bias: false })];
}

function modulesOf(draft: Draft, from: Features, samples: number): { module: ModuleSpec; to: Features }[] {
  const [c, h, w] = from;
  const size = c * h * w;
  switch (draft.type) {
    case 'conv2d':
      return [convolutionOf(draft, from, samples)];
    case 'linear': {
      const flat = h * w > 1 ? [{ module: nn.flatten(), to: [size, 1, 1] as Features }] : [];
      const out = Math.max(1, Math.min(draft.out, Math.floor(budget / (samples * size))));
      return [...flat, { module: nn.linear({ out, bias: draft.bias }), to: [out, 1, 1] }];
    }
    case 'maxPool2d':
    case 'avgPool2d': {
      const { kernel, stride } = draft;
      const padding = Math.min(draft.padding, Math.floor(kernel / 2));
      if (h + 2 * padding < kernel || w + 2 * padding < kernel) return [];
      const to: Features = [c, sides(h, kernel, stride, padding), sides(w, kernel, stride, padding)];
      return [{ module: nn[draft.type]({ kernel, stride, padding }), to }];
    }
    case 'flatten':
      return [{ module: nn.flatten(), to: [size, 1, 1] }];
    case 'globalAvgPool2d':
      return [{ module: nn.globalAvgPool2d(), to: [c, 1, 1] }];
    case 'kwta': {
      const { share, absolute, ties, backward, scope, by, boost } = draft;
      const n = { layer: size, channel: h * w, pixel: c }[scope];
      const k = Math.max(1, Math.floor(share * n));
      const count = absolute || share * n < 1 ? { k } : { gamma: share };
      const boosted = boost && scope !== 'channel' ? { boost } : {};
      return [{ module: nn.kwta({ ...count, ties, backward, scope, by, ...boosted }), to: from }];
    }
    case 'normalize': {
      const repeated = (values: number[]): number[] => Array.from({ length: c }, (_, i) => values[i % values.length]);
      return [{ module: nn.normalize({ mean: repeated(draft.mean), std: repeated(draft.std) }), to: from }];
    }
    case 'relu':
      return [{ module: nn.relu(), to: from }];
    case 'leakyRelu':
      return [{ module: nn.leakyRelu({ slope: draft.slope }), to: from }];
    case 'elu':
      return [{ module: nn.elu({ alpha: draft.alpha }), to: from }];
    case 'gelu':
    case 'silu':
      return [{ module: nn[draft.type](), to: from }];
    case 'groupNorm': {
      const groups = Array.from({ length: draft.groups }, (_, i) => draft.groups - i).find((count) => c % count === 0);
      return [{ module: nn.groupNorm({ groups: groups as number, eps: draft.eps }), to: from }];
    }
    case 'layerNorm':
      return [{ module: nn.layerNorm({ eps: draft.eps }), to: from }];
    case 'batchNorm2d':
      return [{ module: nn.batchNorm2d({ eps: draft.eps, momentum: draft.momentum }), to: from }];
    case 'dropout':
      return [{ module: nn.dropout({ p: draft.p }), to: from }];
    case 'sequential': {
      const { layers, to } = fitted(draft.layers, from, samples);
      return [{ module: nn.sequential(layers), to }];
    }
    case 'concat': {
      const [first, ...others] = draft.branches.map((branch) => fitted(branch, from, samples));
      const [, oh, ow] = first.to;
      const branches = [
        first,
        ...others.map(({ layers, to }) => {
          if (to[1] === oh && to[2] === ow) return { layers, to };
          const wanted: Features = [2, oh, ow];
          return { layers: [...layers, ...adapters(to, wanted, samples)], to: wanted };
        }),
      ];
      // Behind k-WTA in every branch entries stand side by side.
      const ends = (): ModuleSpec[] => (draft.winners ? [nn.kwta({ gamma: 0.5, ties: 'keep' })] : []);
      const fits = branches.every(({ to }) => to[0] * oh * ow >= 2);
      const lists = branches.map(({ layers }) => (fits ? [...layers, ...ends()] : layers));
      const channelsOfAll = branches.reduce((sum, { to }) => sum + to[0], 0);
      return [{ module: nn.concat(lists), to: [channelsOfAll, oh, ow] }];
    }
    case 'residual': {
      const main = fitted(draft.main, from, samples);
      if (draft.identity && String(main.to) === String(from)) {
        return [{ module: nn.residual({ main: main.layers }), to: from }];
      }
      const shortcut = fitted(draft.shortcut, from, samples);
      const layers = [...shortcut.layers, ...adapters(shortcut.to, main.to, samples)];
      return [{ module: nn.residual({ main: main.layers, shortcut: layers }), to: main.to }];
    }
  }
}

const drafts = fc.record({
  input: fc.tuple(
    fc.oneof({ weight: 4, arbitrary: fc.constantFrom(1, 2, 3, 4) }, fc.constantFrom(5, 17, 33)),
    extent,
    extent,
  ),
  // Below and above 8, where some kernels change their way.
  samples: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.constantFrom(8, 9)),
  layers: fc.array(layer, { maxLength: 7 }),
  /** Ends in a linear layer of so many classes; 0: in whatever comes last. */
  classes: fc.integer({ min: 0, max: 12 }),
  loss: fc.constantFrom('crossEntropy' as const, 'margin' as const, 'dlr' as const),
  coarse: fc.boolean(),
  recompute: fc.boolean(),
  seed: fc.nat(0xffff),
});

/** Networks of all layers, with samples, labels and a loss. */
export const cases: fc.Arbitrary<Case> = drafts.map(({ input, samples, layers, classes, ...rest }) => {
  const last: Draft[] = classes > 0 ? [{ type: 'linear', out: classes, bias: true }] : [];
  const body = fitted([...layers, ...last], input, samples);
  const idle = typesOf(body.layers).every((type) => type === 'sequential' || type === 'concat');
  if (idle || body.to[1] * body.to[2] > 1) body.layers.push(nn.flatten());
  const outputs = body.to[0] * body.to[1] * body.to[2];
  const labels = Array.from(noise(rest.seed + 1, samples), (value) => Math.floor(((value + 1) / 2) * outputs));
  // Margins need a second class, dlr a third.
  const loss = outputs < 3 ? 'crossEntropy' : rest.loss;
  return { ...rest, spec: nn.sequential(body.layers, { input }), labels, loss };
});

/** The samples of a case. */
export function samplesOf({ spec, labels, coarse, seed }: Case): Tensor {
  const shape = [labels.length, ...spec.input];
  const { data } = noiseTensor(seed, ...shape);
  return { shape, data: coarse ? data.map((value) => Math.round(4 * value) / 4) : data };
}

/** Parameters that keep values about as large as they come, in place of those of a fresh model. */
export function randomState(fresh: Record<string, Tensor>, seed: number): Record<string, Tensor> {
  const entries = Object.entries(fresh).map(([name, { shape, data }], i) => {
    const values = noise(seed + 7 * i + 3, data.length);
    const own = name.slice(name.lastIndexOf('.') + 1);
    if (own === 'running_var') return [name, { shape, data: values.map((value) => 1 + 0.7 * value) }] as const;
    if (own !== 'weight') return [name, { shape, data: values.map((value) => 0.4 * value) }] as const;
    // Of batch norm: of either sign, and not too small.
    if (shape.length === 1) return [name, { shape, data: values.map((v) => v + 0.5 * Math.sign(v)) }] as const;
    const bound = Math.sqrt((3 * shape[0]) / data.length);
    return [name, { shape, data: values.map((value) => 1.2 * bound * value) }] as const;
  });
  return Object.fromEntries(entries);
}

/** Types of all layers in `modules`. */
export function typesOf(modules: readonly ModuleSpec[]): string[] {
  return modules.flatMap((module) => {
    if (module.type === 'sequential') return [module.type, ...typesOf(module.layers)];
    if (module.type === 'residual') return [module.type, ...typesOf(module.main), ...typesOf(module.shortcut)];
    if (module.type === 'concat') return [module.type, ...module.branches.flatMap(typesOf)];
    return [module.type];
  });
}
