/** Findings: each is made of a model that has the fault, and none of a model that has not. */
import {
  attacks,
  type Dataset,
  datasets,
  type EvaluateOptions,
  evaluateRobustness,
  type Model,
  nn,
  type RobustnessReport,
  type Runtime,
  tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { useRuntime } from './support.js';
import { greys, saw, slope } from './toys.js';

const pixels = (value: number): number[] => new Array<number>(16).fill(value);

/** A network on {@link greys}, with these layers behind the pixels and these parameters. */
async function network(
  runtime: Runtime,
  layers: Parameters<typeof nn.sequential>[0],
  values: Record<string, [values: number[], shape: number[]]>,
): Promise<Model> {
  const model = await runtime.model(nn.sequential([nn.flatten(), ...layers], { input: [1, 4, 4] }));
  const state = Object.entries(values).map(([name, [data, shape]]) => [name, tensor(data, shape)] as const);
  await model.loadStateDict(Object.fromEntries(state));
  return model;
}

/** A linear model: logit 0 is `scale * (2.2 - t)` and logit 1 is 0, where t is a quarter of the sum of all pixels. */
const scaled = (runtime: Runtime, scale: number): Promise<Model> =>
  network(runtime, [nn.linear({ out: 2 })], {
    '1.weight': [
      [...pixels(-scale / 4), ...pixels(0)],
      [2, 16],
    ],
    '1.bias': [[2.2 * scale, 0], [2]],
  });

/** Wrong only where |t - 2.18| < 0.06: a path of large steps goes through, and beyond. */
const bump = (runtime: Runtime): Promise<Model> =>
  network(runtime, [nn.linear({ out: 2 }), nn.relu(), nn.linear({ out: 2 })], {
    '1.weight': [
      [...pixels(1 / 4), ...pixels(-1 / 4)],
      [2, 16],
    ],
    '1.bias': [[-2.18, 2.18], [2]],
    '3.weight': [
      [1, 1, 0, 0],
      [2, 2],
    ],
    '3.bias': [[0, 0.06], [2]],
  });

/** Probabilities in place of logits: 0.5 + 0.2 (2.2 - t), and the rest. */
const probabilities = (runtime: Runtime): Promise<Model> =>
  network(runtime, [nn.linear({ out: 2 })], {
    '1.weight': [
      [...pixels(-0.05), ...pixels(0.05)],
      [2, 16],
    ],
    '1.bias': [[0.94, 0.06], [2]],
  });

/** Its logits are numbers, and its gradient overflows on the way back. */
const overflowing = (runtime: Runtime): Promise<Model> =>
  network(runtime, [nn.linear({ out: 1 }), nn.linear({ out: 1 }), nn.linear({ out: 2 })], {
    '1.weight': [pixels(-0.25e-30), [1, 16]],
    '1.bias': [[0], [1]],
    '2.weight': [[1e30], [1, 1]],
    '2.bias': [[0], [1]],
    '3.weight': [
      [1e30, 0],
      [2, 1],
    ],
    '3.bias': [[2.2e30, 0], [2]],
  });

/** As the slope, but where the first pixel is above 0.7 its gradient overflows on the way back. */
const overflowingAt = (runtime: Runtime): Promise<Model> =>
  network(runtime, [nn.linear({ out: 2 }), nn.relu(), nn.linear({ out: 2 }), nn.linear({ out: 2 })], {
    '1.weight': [
      [...pixels(1 / 4), 1e-30, ...pixels(0).slice(1)],
      [2, 16],
    ],
    '1.bias': [[0, -0.7e-30], [2]],
    '3.weight': [
      [1, 0, 0, 1e30],
      [2, 2],
    ],
    '3.bias': [[0, 0], [2]],
    '4.weight': [
      [-1, 1e30, 0, 0],
      [2, 2],
    ],
    '4.bias': [[2.2, 0], [2]],
  });

/** Teeth that fall faster than the slope that they follow: the border always seems to be near. */
async function steepTeeth(runtime: Runtime): Promise<Model> {
  const teeth = 200;
  const centres = Array.from({ length: teeth }, (_, i) => 0.01 + 0.02 * i);
  const bias = 12.7;
  const heights = centres.map((t) => (2.2 - t - bias) / (1 + t * t));
  return network(runtime, [nn.linear({ out: teeth }), nn.kwta({ k: 1 }), nn.linear({ out: 2 })], {
    '1.weight': [centres.flatMap((t) => pixels((2 * t) / 4)), [teeth, 16]],
    '1.bias': [centres.map((t) => 1 - t * t), [teeth]],
    '3.weight': [
      [...heights, ...new Array<number>(teeth).fill(0)],
      [2, teeth],
    ],
    '3.bias': [[bias, 0], [2]],
  });
}

/** The slope, whose pixels are dropped at random whenever it is asked. */
async function noisy(runtime: Runtime): Promise<Model> {
  const model = await runtime.model(
    nn.sequential([nn.flatten(), nn.dropout({ p: 0.1, always: true }), nn.linear({ out: 2 })], { input: [1, 4, 4] }),
  );
  await model.loadStateDict({
    '2.weight': tensor([...pixels(-1 / 4), ...pixels(0)], [2, 16]),
    '2.bias': tensor([2.2, 0], [2]),
  });
  return model;
}

const pgd = attacks.pgd({ steps: 10 });
const epsilons = [0.1];

/** A model with the fault, and what is asked; the same is asked of {@link slope}, or of `sound`. */
interface Case {
  code: RobustnessReport['findings'][number]['code'];
  faulty: (runtime: Runtime) => Promise<Model>;
  sound?: (runtime: Runtime) => Promise<Model>;
  /** `slope` is what an attack is transferred from. */
  options?: (source: Model) => Partial<EvaluateOptions>;
  soundOptions?: Partial<EvaluateOptions>;
  severity?: string;
  evidence: Record<string, unknown>;
  /** The attacks that it stands beside, if any. */
  beside?: string[];
  data?: Dataset;
}

const cases: Case[] = [
  {
    code: 'zero-gradient',
    faulty: (runtime) => scaled(runtime, 0),
    evidence: { attack: 'pgd', gradients: 200, zero: 200, blind: 20 },
    beside: ['pgd'],
  },
  {
    code: 'vanishing-gradient',
    faulty: (runtime) => scaled(runtime, 1e-12),
    sound: (runtime) => scaled(runtime, 1e-3),
    evidence: { attack: 'pgd', gradients: 200, tiny: 200, faint: 20 },
    beside: ['pgd'],
  },
  {
    code: 'not-a-number',
    faulty: overflowing,
    severity: 'failure',
    evidence: { attack: 'pgd', samples: 20 },
    beside: ['pgd'],
  },
  {
    code: 'loss-not-rising',
    faulty: saw,
    evidence: { attack: 'pgd', followed: 20, notRising: 20 },
    beside: ['pgd'],
  },
  {
    code: 'silent-success',
    faulty: bump,
    sound: bump,
    options: () => ({ attacks: [attacks.pgd({ steps: 2, stepSize: 0.04, randomStart: false })] }),
    soundOptions: { attacks: [attacks.pgd({ steps: 2, stepSize: 0.04, randomStart: false, earlyStop: true })] },
    evidence: { attack: 'pgd', silent: 20 },
    beside: ['pgd'],
  },
  {
    code: 'incomplete-optimisation',
    faulty: slope,
    options: () => ({ epsilons: [0.04], attacks: [attacks.pgd({ steps: 20, stepSize: 0.002, randomStart: false })] }),
    soundOptions: { epsilons: [0.04], attacks: [attacks.pgd({ steps: 20, stepSize: 0.008, randomStart: false })] },
    evidence: { attack: 'pgd', long: 20, unfinished: 20 },
    beside: ['pgd'],
  },
  {
    code: 'short-steps',
    faulty: slope,
    options: (source) => ({
      attacks: [attacks.transfer({ source, attack: attacks.pgd({ steps: 5, stepSize: 0.01 }) })],
    }),
    soundOptions: { attacks: [attacks.pgd({ steps: 10, stepSize: 0.01 })] },
    evidence: { attack: 'transfer', steps: 5, stepSize: 0.01 },
    beside: ['transfer'],
  },
  {
    code: 'not-attacked',
    faulty: slope,
    options: () => ({ maxQueries: 1 }),
    soundOptions: { maxQueries: 2 },
    severity: 'failure',
    evidence: { attack: 'pgd', samples: 20, reason: 'no query was made' },
    beside: ['pgd'],
  },
  {
    code: 'hidden-gradient',
    faulty: saw,
    options: () => ({ attacks: [pgd, attacks.square({ queries: 50 })] }),
    evidence: { exact: 'pgd', leftByExact: 20, other: 'square', leftByOther: 0 },
    beside: ['square'],
  },
  {
    code: 'transfer-beats-direct',
    faulty: saw,
    options: (source) => ({ attacks: [pgd, attacks.transfer({ source, attack: pgd })] }),
    evidence: { transfer: 'transfer', leftByTransfer: 0, direct: 'pgd', leftByDirect: 20 },
    beside: ['transfer'],
  },
  {
    code: 'discontinuous',
    faulty: steepTeeth,
    options: () => ({ attacks: [pgd, attacks.deepFool({ steps: 3 })] }),
    severity: 'note',
    evidence: { walker: 'deepFool', optimalityOfWalker: 0, climber: 'pgd', optimalityOfClimber: 1, dMax: 0.2 },
    beside: ['deepFool'],
  },
  { code: 'unstable-gradient', faulty: saw, evidence: { samples: 16, neighbours: 100 } },
  { code: 'unbounded-attack-fails', faulty: saw, evidence: { epsilon: 1, samples: 20 } },
  { code: 'randomised', faulty: noisy, evidence: { samples: 20, differing: 20, evaluations: 9 } },
  { code: 'softmax-output', faulty: probabilities, evidence: { rows: 20 } },
  {
    code: 'few-samples',
    faulty: slope,
    options: () => ({ samples: 4 }),
    soundOptions: { samples: 20 },
    severity: 'note',
    evidence: { epsilon: 0.1, samples: 4 },
  },
  {
    code: 'upper-bound',
    faulty: slope,
    options: () => ({ epsilons: [0.01], attacks: 'quick' }),
    soundOptions: { epsilons: [0.01], attacks: 'standard' },
    severity: 'note',
    evidence: { preset: 'quick' },
  },
];

describe('a finding', () => {
  const runtime = useRuntime();
  const data = greys(20);

  for (const { code, faulty, sound = slope, severity = 'warning', evidence, beside = [], ...rest } of cases) {
    it(`${code} is made where it belongs, and nowhere else`, async () => {
      const source = await slope(runtime());
      const options = { epsilons, attacks: [pgd], ...rest.options?.(source) };
      const report = await evaluateRobustness(await faulty(runtime()), data, options);
      const found = report.findings.filter((finding) => finding.code === code);
      expect(found.map((finding) => finding.severity)).toEqual([severity]);
      expect(found[0].evidence).toMatchObject(evidence);
      expect(found[0].message).not.toBe('');
      const rows = report.attacks.filter(({ findings }) => findings.some((finding) => finding.code === code));
      expect(rows.map(({ name }) => name)).toEqual(beside);

      const quiet = await evaluateRobustness(await sound(runtime()), data, { ...options, ...rest.soundOptions });
      expect(quiet.findings.filter((finding) => finding.code === code)).toEqual([]);
    });
  }

  it('of nothing is made of a sound model', async () => {
    const list = [pgd, attacks.deepFool(), attacks.square({ queries: 50 }), attacks.estimatedGradient({ steps: 10 })];
    const report = await evaluateRobustness(await slope(runtime()), data, { epsilons, attacks: list });
    // All of the data have one class, so that the model may well give but one answer.
    expect(report.findings.map(({ code }) => code)).toEqual(['constant-model']);
    expect(report.findings[0].severity).toBe('note');
  });

  it('an attack that meets values that are no numbers breaks nothing, and is not taken for a defence', async () => {
    const list = [pgd, attacks.square({ queries: 50 })];
    const report = await evaluateRobustness(await overflowing(runtime()), data, { epsilons, attacks: list });
    expect(report.attacks.map(({ name, correct }) => [name, correct])).toEqual([
      ['pgd', 20],
      ['square', 0],
    ]);
    expect(report.attacks[0].failures.map(({ samples }) => samples.length)).toEqual([20]);
    expect(report.attacks[0].warnings.join()).toContain('finite gradients');
  });

  it('one sample that meets them is a failure alone: the others are attacked as without it', async () => {
    const model = await overflowingAt(runtime());
    const clear = data.tensor();
    clear.data.fill(0.5);
    const one = { shape: clear.shape, data: clear.data.slice() };
    // The pixel that opens the way on which gradients overflow.
    one.data[7 * 16] = 0.9;
    const list = [pgd, attacks.deepFool(), attacks.square({ queries: 50 }), attacks.apgd({ steps: 10 })];
    for (const attack of list) {
      const options = { labels: data.labels, epsilons: [0.1], seed: 5 };
      const without = await model.attack(attack, { x: clear, ...options });
      const found = await model.attack(attack, { x: one, ...options });
      const size = one.data.length / data.length;
      const others = (values: Float32Array) => values.filter((_, i) => Math.floor(i / size) !== 7);
      expect(others(found.clipped[0].data)).toEqual(others(without.clipped[0].data));
      expect(without.failures[0]).toEqual([]);
      expect(without.success[0].every(Boolean), attack.type).toBe(true);
      if (attack.type === 'square') continue;
      expect(found.failures[0].map(({ samples }) => samples)).toEqual([[7]]);
      expect(found.success[0].map((_, i) => i).filter((i) => !found.success[0][i])).toEqual([7]);
      expect(found.warnings[0].join()).toContain('1 of 20 samples could not be attacked');
    }
    const images = datasets.fromTensors({ images: one, labels: data.labels, classes: 2 });
    const report = await evaluateRobustness(model, images, { epsilons, attacks: [pgd, attacks.deepFool()] });
    expect(report.attacks.map(({ correct, failures }) => [correct, failures.map(({ samples }) => samples)])).toEqual([
      [1, [[7]]],
      [1, [[7]]],
    ]);
    const failures = report.findings.filter(({ code }) => code === 'not-a-number');
    expect(failures.map(({ evidence }) => evidence.samples)).toEqual([1, 1]);
  });

  it('nor is it in a curve, whose attacks may be the only ones that meet them', async () => {
    const options = { epsilons: [0.01], attacks: 'quick' as const };
    const report = await evaluateRobustness(await overflowing(runtime()), data, options);
    expect(report.curve?.failures.map(({ samples }) => samples)).toEqual([Array.from({ length: 20 }, (_, i) => i)]);
    const curve = report.findings.filter(({ code, message }) => code === 'not-a-number' && message.startsWith('curve'));
    expect(curve.map(({ severity, evidence }) => [severity, evidence.samples])).toEqual([['failure', 20]]);
    const sound = await evaluateRobustness(await slope(runtime()), data, options);
    expect(sound.curve?.failures).toEqual([]);
  });

  it('a model that answers at random is graded by the majority of its answers', async () => {
    const model = await noisy(runtime());
    const report = await evaluateRobustness(model, data, { epsilons: [0], attacks: [pgd] });
    // Single answers are wrong that most are not, which is not the attack's fault.
    const [silent] = report.findings.filter(({ code }) => code === 'silent-success');
    expect(silent.message).toContain('by most of its answers: at random, or');
    expect(silent.message).not.toContain('passed an adversarial point');
    // Without the noise all are right: t = 2, the border is 2.2; a dropped pixel moves t by far less than that.
    expect(report.clean.correct).toBeGreaterThan(15);
    expect(report.probes.repeated.evaluations).toBe(9);
  });
});

describe('differences between models', () => {
  const runtime = useRuntime();

  it('are said to be chance where they may be, and not where they cannot', async () => {
    const [weak, strong] = [await slope(runtime()), await scaled(runtime(), 1)];
    const data = greys(20);
    const list = [pgd];
    const alike = await evaluateRobustness(
      [
        { name: 'one', model: weak },
        { name: 'other', model: strong },
      ],
      data,
      { epsilons, attacks: list },
    );
    expect(alike.pairs.map(({ p, difference }) => [p, difference])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(alike.findings).toEqual([]);
  });
});
