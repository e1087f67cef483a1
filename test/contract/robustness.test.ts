/** The robustness report: its counts fit each other, and it says when a gradient is only hidden. */
import {
  attacks,
  ConfigError,
  type EvaluationProgress,
  evaluateRobustness,
  type Model,
  nn,
  type RobustnessReport,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// What intervals a report must show; that the function is right is tested by itself.
import { wilson } from '../../dist/evaluate/statistics.js';
import { caught, expectError, timeless, useRuntime } from './support.js';
import { greys, saw, slope, stripes, trainedStripeNet } from './toys.js';

const hidden = 'the gradient is hidden, not the weakness';

/** The attacks of the preset `standard`. */
const names = ['pgd', 'square', 'deepFool', 'autoAttack', 'adaptiveKwta'];

describe('evaluateRobustness', () => {
  const runtime = useRuntime();
  const test = stripes(40, 2);
  const epsilons = [0, 0.05, 0.2];
  let model: Model;

  beforeAll(async () => {
    model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.1 }));
  });

  function check(report: RobustnessReport, samples: number): void {
    expect(report.labels).toEqual(Array.from(test.labels.subarray(0, samples)));
    const right = (predictions: number[]): boolean[] => predictions.map((answer, i) => answer === report.labels[i]);
    const count = (flags: boolean[]): number => flags.filter(Boolean).length;
    expect(report.clean.correct).toBe(count(right(report.clean.predictions)));
    for (const { epsilon, survived, predictions, ...entry } of report.attacks) {
      expect(entry.total).toBe(samples);
      expect(survived).toEqual(right(predictions));
      expect(entry.correct).toBe(count(survived));
      expect(entry.accuracy).toBe(entry.correct / samples);
      expect(entry.ci95).toEqual(wilson(entry.correct, samples));
      // Who is wrong as it is cannot survive an attack.
      expect(survived.every((alive, i) => !alive || right(report.clean.predictions)[i])).toBe(true);
      expect(report.worstCase[epsilon].correct).toBeLessThanOrEqual(entry.correct);
      expect(entry.seen).toBe(entry.scope === 'all' ? samples : predictions.filter((answer) => answer >= 0).length);
      // An attack of minimum norm runs once for all radii.
      const again = entry.name === 'deepFool' && epsilon !== epsilons[0];
      expect(entry.queries.forward > 0).toBe(entry.attacked > 0 && !again);
      expect(entry.seconds > 0).toBe(entry.seen > 0 && !again);
      expect(entry.meanQueries).toBe(
        entry.attacked && (entry.queries.forward + entry.queries.backward) / entry.attacked,
      );
      expect(entry.eightBit.remaining).toBeLessThanOrEqual(entry.eightBit.adversarials);
    }
    for (const epsilon of epsilons) {
      // A smaller ball lies inside.
      const own = report.attacks.filter((entry) => entry.epsilon <= epsilon);
      const alive = report.labels.map((_, i) => own.every(({ survived }) => survived[i]));
      expect(report.worstCase[epsilon].correct).toBe(count(alive));
    }
    expect(report.worstCase[0].correct).toBe(report.clean.correct);
  }

  it('runs the standard attacks', async () => {
    const report = await evaluateRobustness(model, test, { epsilons, samples: 16, seed: 3 });
    expect(report.attacks.map(({ name, epsilon }) => [name, epsilon])).toEqual(
      names.flatMap((name) => epsilons.map((epsilon) => [name, epsilon])),
    );
    check(report, 16);
    expect(report.worstCase[0.2].correct).toBeLessThan(report.clean.correct);
  });

  it('takes a list of attacks, named or not, and a part of the samples', async () => {
    const list = [attacks.fgsm(), { name: 'strong', attack: attacks.pgd({ steps: 10 }) }];
    const report = await evaluateRobustness(model, test, { epsilons, attacks: list, samples: 25 });
    expect(new Set(report.attacks.map(({ name }) => name))).toEqual(new Set(['fgsm', 'strong']));
    check(report, 25);
  });

  it('is the same for the same seed, but for the time it took', async () => {
    const report = async () => timeless(await evaluateRobustness(model, test, { epsilons: [0.1], seed: 9 }));
    expect(await report()).toEqual(await report());
  });

  it('reports progress by attack and epsilon, and can be aborted', async () => {
    const seen: EvaluationProgress[] = [];
    const onProgress = (progress: EvaluationProgress): void => {
      seen.push(progress);
    };
    await evaluateRobustness(model, test, { epsilons: [0.1], onProgress });
    expect(new Set(seen.map(({ name }) => name))).toEqual(new Set([...names, 'curve']));
    expect(seen.every(({ name, epsilon }) => name === 'curve' || epsilon === 0.1)).toBe(true);
    expect(seen.every(({ done }) => done > 0 && done <= 1)).toBe(true);
    expect(seen.filter(({ secondsLeft }) => secondsLeft !== undefined).length).toBeGreaterThan(0);
    const signal = AbortSignal.abort();
    expect(((await caught(evaluateRobustness(model, test, { epsilons: [0.1], signal }))) as Error).name).toBe(
      'AbortError',
    );
  });

  it('rejects wrong options, naming them', async () => {
    const evaluate = (options: object) => evaluateRobustness(model, test, { epsilons: [0.1], ...options });
    await expectError(evaluate({ epsilons: [] }), ConfigError, 'epsilons');
    await expectError(evaluate({ epsilons: [-1] }), ConfigError, 'epsilons', '>= 0', '-1');
    await expectError(evaluate({ attacks: [] }), ConfigError, 'attacks');
    await expectError(evaluate({ attacks: 'all' }), ConfigError, 'attacks', "'standard'", '"all"');
    await expectError(evaluate({ samples: 41 }), ConfigError, 'samples', '<= 40', '41');
    await expectError(evaluate({ sample: 4 }), ConfigError, "'sample'");
    await expectError(evaluate({ epsilons: [0.1, 0.1] }), ConfigError, 'epsilons', 'different radii', '0.1 twice');
    await expectError(evaluate({ norm: 'l3' }), ConfigError, 'norm', '"l3"');
    await expectError(evaluate({ maxQueries: 0 }), ConfigError, 'maxQueries', '>= 1');
    const [linf, l2] = [attacks.pgd(), attacks.pgd({ norm: 'l2' })];
    await expectError(evaluate({ attacks: [linf, { name: 'other', attack: l2 }] }), ConfigError, 'one norm', "'other'");
    await expectError(evaluate({ attacks: [l2], norm: 'linf' }), ConfigError, 'one norm', 'as asked for', 'l2');
    await expectError(evaluate({ attacks: [linf, linf] }), ConfigError, 'unique names', "'pgd' twice");
    await expectError(evaluate({ attacks: [{ name: '', attack: linf }] }), ConfigError, 'name');
    await expectError(evaluate({ attacks: [{ name: 'a', attack: linf, scope: 'some' }] }), ConfigError, 'scope');
    await expectError(evaluateRobustness([], test, { epsilons: [0.1] }), ConfigError, 'models', 'at least one');
    const twins = [1, 2].map(() => ({ name: 'twin', model }));
    await expectError(evaluateRobustness(twins, test, { epsilons: [0.1] }), ConfigError, 'unique names', "'twin'");
  });
});

describe('presets', () => {
  const runtime = useRuntime();
  const test = stripes(24, 2);

  it('run in every norm, give later attacks what is left, and draw curves to where nothing is right', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const radii = { linf: 0.1, l2: 0.5, l1: 2 } as const;
    for (const [norm, epsilon] of Object.entries(radii) as [keyof typeof radii, number][]) {
      const report = await evaluateRobustness(model, test, { epsilons: [epsilon], norm });
      expect(report.norm).toBe(norm);
      const open = report.attacks.filter(({ scope }) => scope === 'all');
      const first = norm === 'l1' ? ['pgd', 'square'] : ['pgd', 'square', 'deepFool'];
      expect(open.map(({ name }) => name)).toEqual(first);
      const auto = report.attacks[open.length];
      const left = report.labels.map((_, i) => open.every(({ survived }) => survived[i]));
      expect(auto.scope).toBe('left');
      expect(auto.predictions.map((answer) => answer >= 0)).toEqual(left);
      expect(auto.seen).toBe(left.filter(Boolean).length);
      expect(report.worstCase[epsilon].correct).toBe(auto.correct);
      const points = report.curve?.points ?? [];
      expect(points.at(-1)?.correct).toBe(0);
      expect(points.every(({ correct }, i) => i === 0 || correct <= points[i - 1].correct)).toBe(true);
      expect(points.find((point) => point.epsilon === epsilon)?.correct).toBeLessThanOrEqual(auto.correct);
    }
  });

  it('run in l0, whose radii are whole numbers of values', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const report = await evaluateRobustness(model, test, { epsilons: [3, 1], norm: 'l0' });
    expect(report.norm).toBe('l0');
    expect(report.attacks.map(({ name, epsilon }) => `${name} ${epsilon}`)).toEqual([
      ...[
        'pgd 3',
        'pgd 1',
        'saltPepper 3',
        'saltPepper 1',
        'sigmaZero 3',
        'sigmaZero 1',
        'adaptiveKwta 3',
        'adaptiveKwta 1',
      ],
    ]);
    const { points, attack, radii } = report.curve as NonNullable<typeof report.curve>;
    expect(attack).toContain('salt and pepper');
    expect(points.map(({ epsilon }) => epsilon)).toEqual(
      [1, 2, 3, 4, 6, 8, 12, 16, 23, 32, 46, 64].slice(0, points.length),
    );
    expect(points.at(-1)?.correct).toBe(0);
    expect(radii.every((radius) => Number.isInteger(radius))).toBe(true);

    const half = evaluateRobustness(model, test, { epsilons: [8 / 255], norm: 'l0' });
    await expectError(half, ConfigError, 'evaluateRobustness.epsilons', 'a whole number of values in l0', '0.03');
    const paper = evaluateRobustness(model, test, { epsilons: [1], norm: 'l0', attacks: 'paper' });
    await expectError(paper, ConfigError, 'evaluateRobustness.norm', "'paper'", "'linf' or 'l2' or 'l1'", '"l0"');
    const mixed = evaluateRobustness(model, test, { epsilons: [1], norm: 'l0', attacks: [attacks.fgsm()] });
    await expectError(mixed, ConfigError, 'evaluateRobustness.attacks', 'l0 as asked for', 'linf');
  });

  it('that are weak say so, and lists have no curve', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const quick = await evaluateRobustness(model, test, { epsilons: [0.05], attacks: 'quick' });
    expect(quick.findings.map(({ code }) => code)).toContain('upper-bound');
    const paper = await evaluateRobustness(model, test, { epsilons: [0.031], attacks: 'paper' });
    const settings = (report: RobustnessReport) =>
      report.provenance.attacks.map(({ name, attack }) => [name, attack as Record<string, unknown>] as const);
    const expected = (norm: 'linf' | 'l2') => [
      ['pgd-40', { norm, steps: 40, stepSize: 0.003 }],
      ['pgd-20', { norm, steps: 20, stepSize: 0.007 }],
      ['mim', { norm, steps: 10, stepSize: 0.007 }],
      ['deepFool', { norm, steps: 20 }],
    ];
    expect(settings(paper)).toMatchObject(expected('linf'));
    const euclidean = await evaluateRobustness(model, test, { epsilons: [0.5], norm: 'l2', attacks: 'paper' });
    expect(settings(euclidean)).toMatchObject([
      ...expected('l2'),
      ['carliniWagner', { searches: 5, steps: 10, learningRate: 0.01, initialConstant: 0.01 }],
    ]);
    const none = await evaluateRobustness(model, test, { epsilons: [2], norm: 'l1', attacks: 'paper' });
    expect(settings(none).map(([name]) => name)).toEqual(['pgd-40', 'pgd-20', 'mim']);
    expect(paper.findings.map(({ code }) => code)).toContain('upper-bound');
    const list = await evaluateRobustness(model, test, { epsilons: [0.05], attacks: [attacks.fgsm()] });
    expect(list.findings.map(({ code }) => code)).not.toContain('upper-bound');
    expect(list.curve).toBeUndefined();
  });

  it('say so when queries were limited, whatever the attacks are', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    for (const list of ['standard', [attacks.square()]] as const) {
      const options = { epsilons: [0.05], attacks: typeof list === 'string' ? list : [...list], maxQueries: 2 };
      const { findings } = await evaluateRobustness(model, test, options);
      const limited = findings.filter(({ code }) => code === 'upper-bound');
      expect(limited.map(({ severity, evidence }) => [severity, evidence])).toEqual([['note', { maxQueries: 2 }]]);
    }
  });
});

describe('several models', () => {
  const runtime = useRuntime();
  const data = greys(20);

  it('are evaluated as each alone, and compared', async () => {
    const [hiding, open] = [await saw(runtime()), await slope(runtime())];
    const options = { epsilons: [0.01, 0.1], attacks: [attacks.pgd({ steps: 10 })] };
    const models = [
      { name: 'saw', model: hiding },
      { name: 'slope', model: open },
    ];
    const report = await evaluateRobustness(models, data, options);
    const figures = ({
      attacks: list,
      ...rest
    }: Pick<RobustnessReport, 'attacks' | 'clean' | 'worstCase' | 'probes'>) => ({
      clean: rest.clean,
      worstCase: rest.worstCase,
      probes: rest.probes,
      attacks: list.map((entry) => ({ ...entry, seconds: 0 })),
    });
    for (const [m, model] of [hiding, open].entries()) {
      const alone = await evaluateRobustness(model, data, options);
      expect(figures(report.models[m])).toEqual(figures(alone));
      expect(report.models[m].weights).toBe(alone.weights);
    }
    expect(report.models[0].weights).not.toBe(report.models[1].weights);
    expect(
      report.pairs.map(({ epsilon, attack, onlyFirst, onlySecond }) => [epsilon, attack, onlyFirst, onlySecond]),
    ).toEqual([
      [0.01, undefined, 0, 0],
      [0.01, 'pgd', 0, 0],
      [0.1, undefined, 20, 0],
      [0.1, 'pgd', 20, 0],
    ]);
    const [, , worst] = report.pairs;
    expect(worst.difference).toBe(1);
    expect(worst.p).toBeCloseTo(2 * 0.5 ** 20, 12);
    expect(worst.ci95[0]).toBeGreaterThan(0.7);
    expect(worst.ci95[1]).toBe(1);
  });
});

describe('what the report says about gradients', () => {
  const runtime = useRuntime();
  const data = greys(20);
  const epsilons = [0.1];
  const pgd = attacks.pgd({ steps: 10 });
  const estimated = attacks.estimatedGradient({ steps: 10, sigma: 0.05 });

  it('a k-WTA network that hides its gradient is told by the attacks that do not need it', async () => {
    const [target, source] = [await saw(runtime()), await slope(runtime())];
    const list = [pgd, estimated, attacks.transfer({ source, attack: pgd })];
    const report = await evaluateRobustness(target, data, { epsilons, attacks: list });
    expect(report.attacks.map(({ name, correct }) => [name, correct])).toEqual([
      ['pgd', 20],
      ['estimatedGradient', 0],
      ['transfer', 0],
    ]);
    expect(report.worstCase[0.1].correct).toBe(0);
    expect(report.attacks.map(({ warnings }) => warnings.join().includes(hidden))).toEqual([false, true, true]);
    expect(report.attacks.map(({ findings }) => findings.map(({ code }) => code))).toEqual([
      ['loss-not-rising'],
      ['hidden-gradient'],
      ['hidden-gradient'],
    ]);
    const evidence = { epsilon: 0.1, samples: 20, exact: 'pgd', leftByExact: 20, leftByOther: 0 };
    expect(report.findings.filter(({ code }) => code === 'hidden-gradient').map((found) => found.evidence)).toEqual([
      { ...evidence, other: 'estimatedGradient' },
      { ...evidence, other: 'transfer' },
    ]);
    expect(report.attacks[1].warnings.join()).toContain('20 samples more than pgd at epsilon 0.1');
  });

  it('and by one that sees decisions alone', async () => {
    const attack = attacks.hopSkipJump({ steps: 8, initialEvaluations: 30 });
    const report = await evaluateRobustness(await saw(runtime()), data, { epsilons, attacks: [pgd, attack] });
    const [, { gradient, correct, findings }] = report.attacks;
    expect([gradient, correct]).toEqual(['decisions', 0]);
    expect(findings.map(({ code }) => code)).toEqual(['hidden-gradient']);
  });

  it('nothing is said of a network that hides nothing', async () => {
    const report = await evaluateRobustness(await slope(runtime()), data, { epsilons, attacks: [pgd, estimated] });
    expect(report.attacks.map(({ correct }) => correct)).toEqual([0, 0]);
    expect(report.attacks.flatMap(({ warnings }) => warnings).join()).not.toContain(hidden);
  });

  it('a network that always answers alike is called so', async () => {
    const model = await slope(runtime());
    const report = await evaluateRobustness(model, data, { epsilons: [0.01], attacks: [pgd] });
    expect(report.attacks[0].warnings.join()).toContain('the model answers 0 to every sample');
  });
});
