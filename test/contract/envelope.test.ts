/** The envelope of a report: distances that are true of the adversarials, optimality by its formula, AttackBench's form. */
import {
  attackBench,
  attacks,
  type Envelope,
  evaluateRobustness,
  type Model,
  nn,
  type RobustnessReport,
  robustBench,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// Reports that nobody measured show what the figures of the envelope are made of.
import { type AttackFound, envelopeOf } from '../../dist/evaluate/envelope.js';
import { useRuntime } from './support.js';
import { greys, slope, stripes, trainedStripeNet } from './toys.js';

const found = (
  name: string,
  distances: (number | null)[],
  family: AttackFound['family'],
  scope: AttackFound['scope'] = 'all',
): AttackFound => ({ name, scope, family, found: { distances, forward: [], backward: [] } });

const of = (envelope: Envelope, name: string) => envelope.attacks.find((attack) => attack.name === name);

/** Of samples of 16 pixels: how far the border of the linear model is in L-inf. */
function toBorder(pixels: Float32Array): number[] {
  return Array.from({ length: pixels.length / 16 }, (_, i) => {
    const t = pixels.subarray(16 * i, 16 * (i + 1)).reduce((sum, pixel) => sum + pixel, 0) / 4;
    return (2.2 - t) / 4;
  });
}

/** AttackBench's optimality, by the areas of steps: accuracy at a distance is the share that is further away. */
function byAreas(own: readonly number[], best: readonly number[], clean: number, end: number): number {
  const area = (distances: readonly number[]): number => {
    const corners = [0, ...distances.filter((d) => d < end).sort((a, b) => a - b), end];
    return corners.slice(1).reduce((sum, to, i) => {
      const from = corners[i];
      return sum + (to - from) * (distances.filter((d) => d > from).length / distances.length);
    }, 0);
  };
  return 1 - (area(own) - area(best)) / (clean * end - area(best));
}

describe('the envelope', () => {
  it('of attacks of minimum norm ends at its own largest distance, as in AttackBench', () => {
    const first = [0, 0.1, 0.4, 0.3, 0.2];
    const second = [0, 0.2, 0.1, null, 0.9];
    const right = [false, true, true, true, true];
    const list = [
      found('a', first, 'minimal'),
      found('b', second, 'minimal'),
      found('c', [null, 0.05], 'fixed', 'left'),
    ];
    list[2].found.distances = [0, 0.05, null, null, null];
    const envelope = envelopeOf(list, right, [0.1]);
    expect(envelope.distances).toEqual([0, 0.05, 0.1, 0.3, 0.2]);
    expect([envelope.dMax, envelope.within]).toEqual([0.3, 0.3]);
    expect(envelope.median).toBeCloseTo(0.15, 12);
    const best = [0, 0.05, 0.1, 0.3, 0.2];
    expect(of(envelope, 'a')?.optimality).toBeCloseTo(byAreas(first, best, 0.8, 0.3), 12);
    const gone = second.map((distance) => distance ?? Number.POSITIVE_INFINITY);
    expect(of(envelope, 'b')?.optimality).toBeCloseTo(byAreas(gone, best, 0.8, 0.3), 12);
    expect(of(envelope, 'b')?.median).toBeCloseTo(0.55, 12);
    expect(of(envelope, 'c')).toMatchObject({ median: null, area: null, optimality: null, best: 0.25 });
    expect(envelope.attacks.map((attack) => attack.best)).toEqual([0.5, 0.25, 0.25]);
    expect(envelope.comparisons.map(({ first, second, pairs }) => [first, second, pairs])).toEqual([['a', 'b', 4]]);
  });

  it('of attacks inside balls counts what is beyond the largest as not found, at twice its radius', () => {
    const pgd = [0.1, 0.1, null, 0];
    const walker = [0.05, null, 0.5, 0];
    const envelope = envelopeOf(
      [found('pgd', pgd, 'fixed'), found('walker', walker, 'minimal')],
      [true, true, true, false],
      [0.05, 0.1],
    );
    expect([envelope.within, envelope.dMax]).toEqual([0.1, 0.2]);
    expect(envelope.distances).toEqual([0.05, 0.1, 0.5, 0]);
    // Room: 0.15 + 0.1 + 0; lost: 0.05, and 0.1.
    expect(of(envelope, 'pgd')?.optimality).toBeCloseTo(1 - 0.05 / 0.25, 12);
    expect(of(envelope, 'walker')?.optimality).toBeCloseTo(1 - 0.1 / 0.25, 12);
    expect(envelope.comparisons[0].pairs).toBe(2);
  });

  it('is nothing where nothing was broken, exactly 0 and exactly 1 at the ends', () => {
    const nobody = envelopeOf([found('a', [null, 0], 'minimal')], [true, false], [0.1]);
    expect(nobody).toMatchObject({ distances: [null, 0], median: null, dMax: 0 });
    expect(of(nobody, 'a')).toMatchObject({ optimality: null, best: 0 });
    const distances = [0.1, 0.07, 0.03, 0.0123];
    const none = distances.map(() => null);
    const all = envelopeOf(
      [found('all', distances, 'fixed'), found('none', none, 'fixed')],
      [true, true, true, true],
      [0.1],
    );
    expect(all.attacks.map(({ optimality }) => optimality)).toEqual([1, 0]);
  });
});

describe('the distances of a report', () => {
  const runtime = useRuntime();
  const test = stripes(24, 2);
  const epsilons = [0.02, 0.1];
  let model: Model;
  let report: RobustnessReport;

  beforeAll(async () => {
    model = await trainedStripeNet(runtime(), nn.relu());
    const list = [attacks.pgd({ steps: 10 }), attacks.deepFool(), attacks.fab({ restarts: 1 })];
    report = await evaluateRobustness(model, test, { epsilons, attacks: list, seed: 3 });
  });

  it('are those of the adversarials that were graded, and queries those that were asked', async () => {
    const x = test.tensor();
    const { labels } = test;
    const right = report.clean.predictions.map((answer, i) => answer === report.labels[i]);
    const { pgd, deepFool } = attacks;
    for (const [name, attack, radii] of [
      ['pgd', pgd({ steps: 10 }), epsilons],
      ['deepFool', deepFool(), [...epsilons, Number.POSITIVE_INFINITY]],
    ] as const) {
      const again = await model.attack(attack, { x, labels, epsilons: [...radii], seed: 3 });
      const least = report.labels.map((_, i) => {
        const broken = radii.map((_, e) => (again.success[e][i] ? again.distances[e][i] : Number.POSITIVE_INFINITY));
        const nearest = right[i] ? Math.min(...broken) : 0;
        return nearest === Number.POSITIVE_INFINITY ? null : nearest;
      });
      const found = of(report.envelope, name);
      expect(found?.distances).toEqual(least);
      expect(least.some((distance) => distance !== null && distance > 0)).toBe(true);
      const sum = (values: readonly number[] = []): number => values.reduce((total, value) => total + value, 0);
      expect([sum(found?.forward), sum(found?.backward)]).toEqual([again.queries.forward, again.queries.backward]);
      const rows = report.attacks.filter((row) => row.name === name);
      expect(sum(rows.map(({ queries }) => queries.forward))).toBe(again.queries.forward);
    }
  });

  it('reach beyond the balls for attacks of minimum norm, which run once', () => {
    const walker = of(report.envelope, 'deepFool');
    expect(walker?.family).toBe('minimal');
    expect(walker?.distances.some((distance) => distance !== null && distance > 0.1)).toBe(true);
    const rows = report.attacks.filter(({ name }) => name === 'deepFool');
    expect(rows.map(({ queries }) => queries.forward > 0)).toEqual([true, false]);
    expect(rows.map(({ seconds }) => seconds > 0)).toEqual([true, false]);
  });

  it('are exact on a linear model, where FAB is optimal', async () => {
    const data = greys(20);
    const list = [attacks.fab({ restarts: 1 }), attacks.deepFool()];
    const linear = await evaluateRobustness(await slope(runtime()), data, { epsilons: [0.01], attacks: list });
    const { data: pixels } = data.tensor();
    // The border is where a quarter of the sum of 16 pixels is 2.2, so that all of them move by a quarter of what is missing.
    const exact = toBorder(pixels);
    const { distances, dMax, attacks: both } = linear.envelope;
    for (const [i, distance] of distances.entries()) expect((distance ?? 0) / exact[i]).toBeCloseTo(1, 2);
    expect(dMax).toBe(Math.max(...(distances as number[])));
    for (const { optimality, distances: own } of both) {
      expect(optimality).toBeCloseTo(byAreas(own as number[], distances as number[], 1, dMax), 9);
    }
    expect(of(linear.envelope, 'fab')?.optimality).toBeGreaterThan(0.9);
  });

  it('take the form of RobustBench, where AutoAttack ran', async () => {
    await expect(robustBench(report)).rejects.toThrow(/robustBench: expected a report in which autoAttack ran/);
    await expect(robustBench({ ...report, norm: 'l1' })).rejects.toThrow(/expected a report in linf or l2, got l1/);
    const [row] = report.attacks.filter(({ name }) => name === 'pgd');
    const { provenance } = report;
    const withCascade = {
      ...report,
      attacks: [{ ...row, name: 'cascade', epsilon: 8 / 255, accuracy: 0.5 }],
      worstCase: { [String(8 / 255)]: { ...report.clean, accuracy: 0.25 } },
      provenance: {
        ...provenance,
        attacks: [{ name: 'cascade', scope: 'all' as const, attack: { type: 'autoAttack' } }],
      },
    };
    expect(await robustBench(withCascade, { dataset: 'cifar10', venue: 'none' }, 'relu')).toEqual([
      {
        file: 'cifar10/Linf/relu.json',
        content: {
          ...{ link: '', name: '', authors: '', architecture: '', reported: '', venue: 'none', dataset: 'cifar10' },
          additional_data: false,
          number_forward_passes: 1,
          eps: '8/255',
          clean_acc: (100 * report.clean.accuracy).toFixed(2),
          autoattack_acc: '50.00',
          external: '25.00',
        },
      },
    ]);
    await expect(robustBench(withCascade, { papers: '' } as object)).rejects.toThrow(/unknown option 'papers'/);
  });

  it('take the form of AttackBench', async () => {
    const runs = await attackBench(report, test, 'relu');
    expect(runs.map(({ folder }) => folder)).toEqual(
      ['pgd', 'deepFool', 'fab'].map((name) => `own data/linf/relu/batch_size_24/kwta ${name}/1`),
    );
    for (const { config, info } of runs) {
      const own = of(report.envelope, config.attack.name);
      expect(config).toMatchObject({ model: { name: 'relu' }, attack: { threat_model: 'linf' }, seed: 3 });
      expect(info.hashes).toHaveLength(24);
      expect(info.accuracy).toBe(report.clean.accuracy);
      expect(info.adv_success).toEqual(own?.distances.map((distance) => distance !== null));
      expect(info.distances.linf).toEqual(own?.distances.map((distance) => distance ?? 0));
      expect([info.num_forwards, info.num_backwards]).toEqual([own?.forward, own?.backward]);
    }
  });
});
