/**
 * Models that are understood in full: one without fault, and one for each way in which attacks are misled. Each attack
 * breaks what it must break and nothing else, and every finding is made where it belongs and nowhere else.
 */
import {
  attacks,
  datasets,
  evaluateRobustness,
  type Model,
  nn,
  type RobustnessReport,
  type Runtime,
  tensor,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Attack } from './attackTable.js';
import { noise, useRuntime } from './support.js';
import { saw, slope, stripes, trainedStripeNet } from './toys.js';

const count = 20;
const size = 16;
const epsilon = 0.1;

/** Grey pictures of 1x4x4, half of them on each side of the border, each half as far from it as the ball reaches. */
const data = datasets.fromTensors({
  images: {
    shape: [count, 1, 4, 4],
    data: noise(3, count * size).map((value, i) => (Math.floor(i / size) % 2 === 0 ? 0.5 : 0.6) + 0.01 * value),
  },
  labels: Int32Array.from({ length: count }, (_, i) => i % 2),
});

const pixels = (value: number): number[] => new Array<number>(size).fill(value);

/**
 * The slope in steps of 0.02: each is a ramp so steep that no point is on one, made of two units whose gradients cancel
 * to exactly zero beyond it, for all numbers here are short.
 */
async function stairs(runtime: Runtime): Promise<Model> {
  const steps = 64;
  const steep = 2 ** 16;
  const units = 2 * steps;
  const model = await runtime.model(
    nn.sequential([nn.flatten(), nn.linear({ out: units }), nn.relu(), nn.linear({ out: 2 })], { input: [1, 4, 4] }),
  );
  const starts = Array.from({ length: steps }, (_, j) => 1.7 + j / 64);
  await model.loadStateDict({
    '1.weight': tensor(
      starts.flatMap(() => [...pixels(steep / 4), ...pixels(steep / 4)]),
      [units, size],
    ),
    '1.bias': tensor(
      starts.flatMap((start) => [-steep * start, -steep * start - 1]),
      [units],
    ),
    '3.weight': tensor([...starts.flatMap(() => [-1 / 64, 1 / 64]), ...new Array<number>(units).fill(0)], [2, units]),
    '3.bias': tensor([0.5, 0], [2]),
  });
  return model;
}

/** Class 0, whatever it sees. */
async function constant(runtime: Runtime): Promise<Model> {
  const model = await slope(runtime);
  await model.loadStateDict({
    '1.weight': tensor([...pixels(0), ...pixels(0)], [2, size]),
    '1.bias': tensor([3, 1], [2]),
  });
  return model;
}

/** The slope, whose pixels are dropped at random whenever it is asked. */
async function randomised(runtime: Runtime): Promise<Model> {
  const model = await runtime.model(
    nn.sequential([nn.flatten(), nn.dropout({ p: 0.02, always: true }), nn.linear({ out: 2 })], { input: [1, 4, 4] }),
  );
  const { '1.weight': weight, '1.bias': bias } = await (await slope(runtime)).stateDict();
  await model.loadStateDict({ '2.weight': weight, '2.bias': bias });
  return model;
}

/** Attacks that follow the model's gradient. */
const following = {
  fgsm: attacks.fgsm(),
  bim: attacks.bim(),
  mim: attacks.mim(),
  pgd: attacks.pgd({ steps: 10, earlyStop: true }),
  apgd: attacks.apgd({ steps: 20 }),
  'apgd on the margin': attacks.apgd({ steps: 20, loss: 'margin' }),
  deepFool: attacks.deepFool(),
  fab: attacks.fab({ steps: 20 }),
  fmn: attacks.fmn({ steps: 50 }),
  pdpgd: attacks.pdpgd(),
  bpda: attacks.bpda({ attack: attacks.pgd({ steps: 10, earlyStop: true }) }),
  smoothed: attacks.smoothed({ attack: attacks.pgd({ steps: 10, earlyStop: true }) }),
  restarts: attacks.restarts(attacks.pgd({ steps: 5, earlyStop: true }), 2),
  minimal: attacks.minimal(attacks.pgd({ steps: 5, earlyStop: true, randomStart: false })),
};

/** Attacks that look at outputs alone, and cascades that do so in the end. */
const looking = {
  square: attacks.square({ queries: 200 }),
  'salt and pepper': attacks.noise({ kind: 'saltPepper', repeats: 200 }),
  estimatedGradient: attacks.estimatedGradient({ steps: 10 }),
  spsa: attacks.estimatedGradient({ steps: 10, estimator: 'spsa' }),
  'minimal square': attacks.minimal(attacks.square({ queries: 100 })),
  autoAttack: attacks.autoAttack(),
  adaptiveKwta: attacks.adaptiveKwta(),
};

type Code = RobustnessReport['findings'][number]['code'];

interface Case {
  make: (runtime: Runtime) => Promise<Model>;
  /** Right as they are. */
  right: number;
  /** Samples that attacks must not break, and how many the others must leave at most. */
  safe: { from: Record<string, Attack>; samples: (label: number) => boolean };
  leaves: { by: Record<string, Attack>; most: number };
  /** Findings that are made, and those that may be, for an attack may miss by chance. */
  must: Code[];
  may?: Code[];
  /** With none but gradients and a transfer. */
  mustBeside: Code[];
}

const nobody = (): boolean => false;
const everybody = (): boolean => true;

const cases: Record<string, Case> = {
  'a slope': {
    make: slope,
    right: count,
    safe: { from: {}, samples: nobody },
    leaves: { by: { ...following, ...looking }, most: 0 },
    must: [],
    mustBeside: [],
  },
  stairs: {
    make: stairs,
    right: count,
    safe: { from: following, samples: everybody },
    leaves: { by: looking, most: 0 },
    must: ['zero-gradient', 'hidden-gradient', 'unstable-gradient', 'unbounded-attack-fails'],
    mustBeside: ['zero-gradient', 'transfer-beats-direct'],
  },
  'a constant': {
    make: constant,
    right: count / 2,
    safe: { from: { ...following, ...looking }, samples: (label) => label === 0 },
    leaves: { by: {}, most: 0 },
    must: ['constant-model', 'zero-gradient', 'few-samples'],
    mustBeside: ['constant-model', 'zero-gradient'],
  },
  // On the way from class 0 the teeth point backwards.
  'a saw': {
    make: saw,
    right: count,
    safe: { from: following, samples: (label) => label === 0 },
    leaves: { by: looking, most: 0 },
    must: ['hidden-gradient', 'unstable-gradient', 'unbounded-attack-fails', 'loss-not-rising', 'silent-success'],
    may: ['incomplete-optimisation'],
    mustBeside: ['loss-not-rising', 'transfer-beats-direct'],
  },
  'a slope behind noise': {
    make: randomised,
    right: count,
    safe: { from: {}, samples: nobody },
    leaves: { by: { rand: attacks.autoAttack({ version: 'rand' }) }, most: 2 },
    must: ['randomised', 'unstable-gradient'],
    may: ['silent-success', 'incomplete-optimisation', 'loss-not-rising', 'hidden-gradient', 'few-samples'],
    mustBeside: ['randomised'],
  },
};

describe.each(Object.entries(cases))('%s', (_name, { make, right, safe, leaves, must, may = [], mustBeside }) => {
  const runtime = useRuntime({ threads: 1 });
  let model: Model;
  let source: Model;
  beforeAll(async () => {
    model = await make(runtime());
    source = await slope(runtime());
  });

  const evaluate = (list: Record<string, Attack>): Promise<RobustnessReport> =>
    evaluateRobustness(model, data, {
      epsilons: [epsilon],
      attacks: Object.entries(list).map(([name, attack]) => ({ name, attack })),
      maxQueries: 3000,
    });
  // Whatever still stands has an upper bound alone, for queries are limited.
  const codes = ({ findings }: RobustnessReport): Code[] => [
    ...new Set(findings.map(({ code }) => code).filter((code) => code !== 'upper-bound')),
  ];

  it('falls to those attacks that can break it, withstands those that cannot, and is judged so', async () => {
    const report = await evaluate({ ...following, ...looking, ...leaves.by, transfer: attacks.transfer({ source }) });
    expect(report.clean.correct).toBe(right);
    for (const { name, correct, survived } of report.attacks) {
      if (name in safe.from) {
        expect(
          data.labels.every((label, i) => !safe.samples(label) || survived[i]),
          `withstands ${name}`,
        ).toBe(true);
      }
      if (name in leaves.by) expect(correct, `falls to ${name}`).toBeLessThanOrEqual(leaves.most);
    }
    const found = codes(report);
    expect(
      must.filter((code) => !found.includes(code)),
      'missing',
    ).toEqual([]);
    expect(
      found.filter((code) => !must.includes(code) && !may.includes(code)),
      'out of place',
    ).toEqual([]);
  });

  it('is judged beside another model', async () => {
    const { pgd, apgd, deepFool } = following;
    const found = codes(await evaluate({ pgd, apgd, deepFool, transfer: attacks.transfer({ source }) }));
    expect(
      mustBeside.filter((code) => !found.includes(code)),
      'missing',
    ).toEqual([]);
    if (must.length === 0) expect(found).toEqual([]);
  });
});

describe('trained networks', () => {
  const runtime = useRuntime({ threads: 1 });
  const judged = async (
    activation: Parameters<typeof trainedStripeNet>[1],
    radius: number,
  ): Promise<RobustnessReport> =>
    evaluateRobustness(await trainedStripeNet(runtime(), activation), stripes(60, 5), {
      epsilons: [radius],
      maxQueries: 600,
    });

  it('with ReLU give no cause for a finding but the limit of queries', async () => {
    expect((await judged(nn.relu(), 0.05)).findings.map(({ code }) => code)).toEqual(['upper-bound']);
  });

  it('with k-WTA hide their gradients', async () => {
    const { findings } = await judged(nn.kwta({ gamma: 0.2 }), 0.1);
    expect(findings.map(({ code }) => code)).toEqual(expect.arrayContaining(['hidden-gradient', 'unstable-gradient']));
  });
});
