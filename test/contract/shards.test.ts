/** An evaluation in shards: merged, its parts are the report of the single run, bit by bit. */
import {
  attacks,
  ConfigError,
  DataError,
  evaluateRobustness,
  type Model,
  mergeReports,
  nn,
  type ShardReport,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, timeless, useRuntime } from './support.js';
import { stripes, trainedStripeNet } from './toys.js';

const runtime = useRuntime({ threads: 1, deterministic: true });
const test = stripes(21, 2);
let model: Model;

beforeAll(async () => {
  model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.1 }));
});

type Options = Parameters<typeof evaluateRobustness>[2];

/** The parts as they come from files, the last first. */
async function partsOf(options: Options, count: number): Promise<ShardReport[]> {
  const parts: ShardReport[] = [];
  for (let index = 0; index < count; index++) {
    parts.unshift(
      JSON.parse(JSON.stringify(await evaluateRobustness(model, test, { ...options, shard: { index, count } }))),
    );
  }
  return parts;
}

describe('merged parts are the single run', () => {
  const radii = { linf: [0.2, 0.05], l2: [0.5], l1: [2], l0: [3] } as const;
  // The full budget is the quick one with more queries; a limit ends both early.
  const runs = (['quick', 'standard', 'adaptive', 'paper'] as const).flatMap((preset) =>
    (Object.keys(radii) as (keyof typeof radii)[])
      .filter((norm) => preset !== 'paper' || norm !== 'l0')
      .map((norm) => [preset, norm, preset === 'adaptive' ? 300 : undefined] as const),
  );

  it.each(runs)(
    '%s in %s',
    async (preset, norm, maxQueries) => {
      const options = { epsilons: [...radii[norm]], attacks: preset, norm, seed: 4, maxQueries };
      const whole = await evaluateRobustness(model, test, options);
      expect(whole.findings.length).toBeGreaterThan(0);
      // Fewer than are probed are in the first.
      expect(timeless(await mergeReports(await partsOf(options, 4)))).toEqual(timeless(whole));
    },
    120_000,
  );

  it('of several models, with a source that has another id in each process', async () => {
    const spec = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 3 })], { input: [1, 8, 8] }), {
      seed: 3,
    });
    const models = [
      { name: 'kwta', model },
      { name: 'linear', model: spec },
    ];
    const list = [attacks.pgd({ steps: 5 }), attacks.transfer({ source: spec, attack: attacks.fgsm() })];
    const options = { epsilons: [0.1], attacks: list, samples: 20 };
    const parts: ShardReport[] = [];
    for (const index of [0, 1, 2]) {
      parts.push(await evaluateRobustness(models, test, { ...options, shard: { index, count: 3 } }));
    }
    const whole = await evaluateRobustness(models, test, options);
    expect(timeless(await mergeReports(parts))).toEqual(timeless(whole));
  });

  it('as one sample each, and as one part', async () => {
    const options = { epsilons: [0.1], attacks: [attacks.pgd({ steps: 5 })], samples: 7 };
    const whole = timeless(await evaluateRobustness(model, test, options));
    for (const count of [7, 1]) expect(timeless(await mergeReports(await partsOf(options, count)))).toEqual(whole);
  });
});

describe('what cannot be merged', () => {
  const options = { epsilons: [0.1], attacks: [attacks.fgsm()] };
  let parts: ShardReport[];

  beforeAll(async () => {
    parts = await partsOf(options, 3);
  });

  it('is told, naming the part', async () => {
    await expectError(mergeReports([]), ConfigError, 'mergeReports', 'got none');
    await expectError(mergeReports(parts.slice(1)), ConfigError, 'expected 3 parts, got 2', 'shards 2 are missing');
    await expectError(mergeReports([...parts, parts[0]]), ConfigError, 'parts[3]', 'shard 2 twice');
    const [other] = await partsOf({ ...options, seed: 1 }, 3);
    await expectError(mergeReports([other, ...parts.slice(1)]), ConfigError, 'parts[1]', 'same evaluation');
    const report = await evaluateRobustness(model, test, options);
    await expectError(mergeReports([report]), DataError, 'parts[0]');
    const changed = JSON.parse(JSON.stringify(parts));
    const [, value] = changed[1].units.find(([name]: [string]) => name.includes('clean'));
    value.predictions[0] = (value.predictions[0] + 1) % 3;
    await expectError(mergeReports(changed), DataError, 'parts[1].units', 'changed');
  });

  it('is not begun', async () => {
    const evaluate = (shard: object, more = {}) =>
      evaluateRobustness(model, test, { ...options, ...more, shard: shard as { index: number; count: number } });
    await expectError(evaluate({ index: 3, count: 3 }), ConfigError, 'evaluateRobustness.shard.index', '<= 2', 'got 3');
    await expectError(evaluate({ index: 0, count: 22 }), ConfigError, 'evaluateRobustness.shard.count', '<= 21', '22');
    await expectError(evaluate({ index: 0 }), ConfigError, 'evaluateRobustness.shard.count');
    const noisy = await runtime().model(
      nn.sequential([nn.flatten(), nn.dropout({ p: 0.5, always: true }), nn.linear({ out: 3 })], { input: [1, 8, 8] }),
      { seed: 3 },
    );
    const random = evaluateRobustness(noisy, test, { ...options, shard: { index: 1, count: 2 } });
    await expectError(random, ConfigError, 'evaluateRobustness.shard', 'answers alike');
  });
});
