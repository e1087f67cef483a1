/** The robustness report: its counts fit each other, and it says when a gradient is only hidden. */
import { attacks, ConfigError, evaluateRobustness, type Model, nn, type RobustnessReport } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// What intervals a report must show; that the function is right is tested by itself.
import { wilson } from '../../dist/evaluate/statistics.js';
import { caught, expectError, useRuntime } from './support.js';
import { greys, saw, slope, stripes, trainedStripeNet } from './toys.js';

const hidden = 'the gradient is hidden, not the weakness';

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
      expect(entry.queries.forward).toBeGreaterThan(0);
      expect(entry.seconds).toBeGreaterThan(0);
    }
    for (const epsilon of epsilons) {
      const own = report.attacks.filter((entry) => entry.epsilon === epsilon);
      const alive = report.labels.map((_, i) => own.every(({ survived }) => survived[i]));
      expect(report.worstCase[epsilon].correct).toBe(count(alive));
    }
    expect(report.worstCase[0].correct).toBe(report.clean.correct);
  }

  it('runs the standard attacks', async () => {
    const report = await evaluateRobustness(model, test, { epsilons, seed: 3 });
    expect(report.attacks.map(({ name, epsilon }) => [name, epsilon])).toEqual(
      ['fgsm', 'pgd', 'estimatedGradient'].flatMap((name) => epsilons.map((epsilon) => [name, epsilon])),
    );
    check(report, 40);
    expect(report.worstCase[0.2].correct).toBeLessThan(report.clean.correct);
  });

  it('takes a list of attacks, named or not, and a part of the samples', async () => {
    const list = [attacks.fgsm(), { name: 'strong', attack: attacks.pgd({ steps: 10 }) }];
    const report = await evaluateRobustness(model, test, { epsilons, attacks: list, samples: 25 });
    expect(new Set(report.attacks.map(({ name }) => name))).toEqual(new Set(['fgsm', 'strong']));
    check(report, 25);
  });

  it('is the same for the same seed, but for the time it took', async () => {
    const report = async () => {
      const { attacks: list, ...rest } = await evaluateRobustness(model, test, { epsilons: [0.1], seed: 9 });
      return { ...rest, attacks: list.map((entry) => ({ ...entry, seconds: 0 })) };
    };
    expect(await report()).toEqual(await report());
  });

  it('reports progress by attack and epsilon, and can be aborted', async () => {
    const seen: { name: string; epsilon: number; done: number }[] = [];
    const onProgress = (progress: { name: string; epsilon: number; done: number }): void => {
      seen.push(progress);
    };
    await evaluateRobustness(model, test, { epsilons: [0.1], onProgress });
    expect(new Set(seen.map(({ name }) => name))).toEqual(new Set(['fgsm', 'pgd', 'estimatedGradient']));
    expect(seen.every(({ epsilon, done }) => epsilon === 0.1 && done > 0 && done <= 1)).toBe(true);
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
      [],
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
