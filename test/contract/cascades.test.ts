/** Cascades: each attack on what is left, all queries counted once, and what is done where a model has too little for them. */
import { type AttackResult, attacks, ConfigError, type Model, nn, type Tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { type Attack, convexNorms } from './attackTable.js';
import { expectError, noise, useRuntime } from './support.js';
import { linear, linearSize, stubbornSample as one, stripes, stubborn, trainedStripeNet } from './toys.js';

const fallen = (flags: readonly boolean[]): number => flags.filter(Boolean).length;
const names = ({ stages: [own] }: AttackResult): string[] => own.map(({ name }) => name);

/** Grey pictures, with the classes that a model gives them. */
async function greysOf(model: Model, count: number): Promise<{ x: Tensor; labels: number[] }> {
  const data = noise(9, count * linearSize).map((value) => 0.5 + 0.05 * value);
  const x: Tensor = { shape: [count, 1, 4, 4], data };
  return { x, labels: Array.from(await model.predict(x)) };
}

/** What the stages did is all that was done, and each saw what the ones before had left. */
function expectStagesAddUp({ stages, queriesByEpsilon, success }: AttackResult, right: number, what: string): void {
  for (const [e, own] of stages.entries()) {
    let left = right;
    for (const { name, attacked, broken } of own) {
      expect(attacked, `${what}: seen by ${name}`).toBe(left);
      left -= broken;
    }
    expect(success[e].length - fallen(success[e]), `${what}: left`).toBe(left);
    const sum = (way: 'forward' | 'backward') => own.reduce((all, { queries }) => all + queries[way], 0);
    expect({ forward: sum('forward'), backward: sum('backward') }, `${what}: queries`).toEqual(queriesByEpsilon[e]);
  }
}

describe('autoAttack', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });

  it.each(convexNorms)('gives each attack what those before have left, and counts all: %s', async (norm) => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }), 4);
    const data = stripes(8, 2, 4);
    const options = { x: data.tensor(), labels: data.labels };
    const right = Array.from(await model.predict(options.x)).filter((answer, i) => answer === data.labels[i]).length;
    // At the first nobody falls, at the last everybody does, in between some do at each stage.
    const epsilons = { linf: [0.001, 0.12, 0.6], l2: [0.001, 0.6, 5], l1: [0.001, 2, 40] }[norm];
    const inside = [attacks.fgsm({ norm }), attacks.apgd({ norm, steps: 8 }), attacks.square({ norm, queries: 100 })];
    const result = await model.attack(attacks.autoAttack({ norm, attacks: inside }), { ...options, epsilons });
    expectStagesAddUp(result, right, norm);
    expect(names(result)).toEqual(['1 fgsm', '2 apgd', '3 square']);
    expect(fallen(result.success[1])).toBeGreaterThan(fallen(result.success[0]));
    expect(fallen(result.success[2])).toBe(8);
    // Whatever one of them breaks alone falls: the first runs as it does alone.
    const first = await model.attack(inside[0], { ...options, epsilons });
    for (const [e, flags] of first.success.entries()) {
      expect(flags.every((flag, i) => !flag || result.success[e][i])).toBe(true);
    }
    expect(result.stages[1][0].queries).toEqual(first.queriesByEpsilon[1]);
  });

  it('has the attacks of its versions, at full length where nobody falls', async () => {
    const { model } = await linear(runtime());
    const options = { ...(await greysOf(model, 1)), epsilons: [1e-6] };
    const ask = async (version: 'standard' | 'plus' | 'rand', norm: (typeof convexNorms)[number] = 'linf') => {
      const result = await model.attack(attacks.autoAttack({ version, norm }), options);
      expectStagesAddUp(result, 1, version);
      return Object.fromEntries(result.stages[0].map(({ name, queries }) => [name, queries]));
    };
    const both = (count: number) => ({ forward: count, backward: count });
    // Three other classes; the targeted climb asks for their order.
    const targeted = { forward: 1 + 3 * 101, backward: 3 * 101 };
    const square = { forward: 5000, backward: 0 };
    const standard = await ask('standard');
    expect(Object.keys(standard)).toEqual(['apgd-ce', 'apgd-t', 'fab-t', 'square']);
    expect(standard).toMatchObject({ 'apgd-ce': both(101), 'apgd-t': targeted, square });
    const l1 = await ask('standard', 'l1');
    expect(l1).toMatchObject({
      'apgd-ce': both(5 * 103),
      'apgd-t': { forward: 1 + 3 * 103, backward: 3 * 103 },
      square,
    });
    const plus = await ask('plus');
    expect(Object.keys(plus)).toEqual(['apgd-ce', 'apgd-dlr', 'fab', 'square', 'apgd-t', 'fab-t']);
    expect(plus).toMatchObject({ 'apgd-ce': both(505), 'apgd-dlr': both(505), 'apgd-t': targeted, square });
    expect(await ask('rand')).toEqual({ 'apgd-ce': both(20 * 101), 'apgd-dlr': both(20 * 101) });
  });

  it('takes the margin for a loss that there are too few classes for, and says so', async () => {
    for (const [classes, standard, rand, lacking] of [
      [2, 'apgd-t (margin)', 'apgd-dlr (margin)', { standard: ['targetedDlr'], rand: ['dlr'] }],
      [3, 'apgd-t (margin)', 'apgd-dlr', { standard: ['targetedDlr'], rand: [] }],
      [4, 'apgd-t', 'apgd-dlr', { standard: [], rand: [] }],
      [5, 'apgd-t', 'apgd-dlr', { standard: [], rand: [] }],
    ] as const) {
      const { model } = await linear(runtime(), classes);
      const options = { ...(await greysOf(model, 1)), epsilons: [1e-6] };
      for (const [version, stages] of [
        ['standard', ['apgd-ce', standard, 'fab-t', 'square']],
        ['rand', ['apgd-ce', rand]],
      ] as const) {
        const result = await model.attack(attacks.autoAttack({ version }), options);
        expect(names(result)).toEqual(stages);
        const losses: readonly string[] = lacking[version];
        const said = result.warnings[0].filter((warning) => warning.includes('the margin takes its place'));
        const expected = losses.map((loss) => `${classes} classes are too few for the loss '${loss}'`);
        expect(said).toEqual(expected.map((text) => expect.stringContaining(text)));
      }
    }
  });

  it('shares the queries of a sample among its attacks', async () => {
    const { model } = await linear(runtime());
    const options = { ...(await greysOf(model, 3)), epsilons: [1e-6] };
    for (const [maxQueries, forward, backward] of [
      // The first climb takes two for each gradient, and what is left the order of the classes for the second ...
      [1, 1, 0],
      [2, 1, 1],
      [21, 11, 10],
      // ... all of it 202, the second one more and 606 ...
      [202, 101, 101],
      [809, 405, 404],
    ] as const) {
      const { queries } = await model.attack(attacks.autoAttack(), { ...options, maxQueries });
      expect(queries, `${maxQueries}`).toEqual({ forward: 3 * forward, backward: 3 * backward });
    }
    // ... and the search has the rest.
    const rest = await model.attack(attacks.autoAttack(), { ...options, maxQueries: 3000 });
    expect(rest.queries.forward + rest.queries.backward).toBe(3 * 3000);
    expect(names(rest).at(-1)).toBe('square');
  });

  it('goes to targets', async () => {
    const { model } = await linear(runtime());
    const { x, labels } = await greysOf(model, 6);
    const targets = labels.map((label) => (label + 1) % 4);
    for (const version of ['standard', 'rand'] as const) {
      const result = await model.attack(attacks.autoAttack({ version }), { x, labels, targets, epsilons: [0.3] });
      expect(Array.from(result.predictions[0])).toEqual(targets);
      expect(result.success[0].every(Boolean)).toBe(true);
      expectStagesAddUp(result, 6, version);
    }
  });

  it('takes cascades inside as one attack each', async () => {
    const { model } = await linear(runtime());
    const options = { ...(await greysOf(model, 2)), epsilons: [1e-6] };
    const inner = attacks.autoAttack({ attacks: [attacks.fgsm(), attacks.bim({ steps: 3 })] });
    const result = await model.attack(attacks.autoAttack({ attacks: [inner, attacks.fgsm()] }), options);
    expectStagesAddUp(result, 2, 'nested');
    expect(names(result)).toEqual(['1 autoAttack', '2 fgsm']);
    expect(result.stages[0].map(({ queries }) => queries.backward)).toEqual([2 * 4, 2]);
  });

  it('refuses attacks that are none, of another norm, or from another model', async () => {
    const { model } = await linear(runtime());
    const refused = (list: Attack[], ...parts: string[]) =>
      expectError(() => attacks.autoAttack({ attacks: list }), ConfigError, 'autoAttack.attacks', ...parts);
    await refused([], 'at least one attack', 'none');
    await refused([attacks.fgsm(), attacks.square({ norm: 'l2' })], 'attacks in linf', "'square' in l2");
    await refused([attacks.restarts(attacks.pgd({ norm: 'l1' }), 2)], 'attacks in linf', "'restarts' in l1");
    await refused([attacks.transfer({ source: model })], 'without a source', "'transfer'");
    await refused([attacks.restarts(attacks.transfer({ source: model }), 2)], 'without a source', "'restarts'");
    await refused([attacks.adaptiveKwta({ source: model })], 'without a source', "'adaptiveKwta'");
  });
});

describe('cascades', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });

  it.each(convexNorms)(
    'give a sample the same bits by itself as among others, in all of their stages: %s',
    async (norm) => {
      const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }), 4);
      const source = await trainedStripeNet(runtime(), nn.relu(), 4);
      const data = stripes(6, 2, 4);
      const epsilons = [{ linf: 0.07, l2: 0.3, l1: 0.7 }[norm]];
      for (const [attack, maxQueries] of [
        [attacks.autoAttack({ norm }), norm === 'l1' ? 3400 : 2300],
        [attacks.adaptiveKwta({ norm, source }), 650],
      ] as const) {
        const options = { x: data.tensor(), labels: data.labels, epsilons, maxQueries };
        const whole = await model.attack(attack, options);
        // Somebody is left to the end.
        expect(names(whole).at(-1)).toContain('square');
        expect(whole.stages[0].some(({ broken }) => broken > 0)).toBe(true);
        expect(whole.stages[0].at(-1)?.queries.forward).toBeGreaterThan(0);
        const size = 64;
        for (const order of [[4], [5, 1]]) {
          const own = { ...options, x: data.tensor(order), labels: order.map((i) => data.labels[i]) };
          const part = await model.attack(attack, own);
          expect(part.success[0]).toEqual(order.map((i) => whole.success[0][i]));
          for (const [at, i] of order.entries()) {
            const [here, there] = [part.raw[0].data, whole.raw[0].data];
            expect(here.slice(at * size, (at + 1) * size)).toEqual(there.slice(i * size, (i + 1) * size));
          }
        }
      }
    },
  );
});

describe('adaptiveKwta', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });
  const asked = ({ queries }: AttackResult): number => queries.forward + queries.backward;

  it.each(convexNorms)('asks at most 10,000 times a sample, and nearly as often: %s', async (norm) => {
    const source = await stubborn(runtime(), false);
    for (const [kwta, from] of [
      [true, undefined],
      [true, source],
      [false, undefined],
    ] as const) {
      const model = await stubborn(runtime(), kwta);
      const result = await model.attack(attacks.adaptiveKwta({ norm, source: from }), one);
      expectStagesAddUp(result, 1, norm);
      expect(asked(result)).toBeLessThanOrEqual(10_000);
      expect(asked(result)).toBeGreaterThan(9000);
      expect(names(result).includes('transfer')).toBe(from !== undefined);
      expect(names(result).some((name) => name.startsWith('softened'))).toBe(kwta);
      const said = result.warnings[0].some((warning) => warning.includes('no source was given'));
      expect(said).toBe(from === undefined);
    }
  });

  it('goes along softened gradients in l0, then along the true one, and tries salt and pepper at last', async () => {
    const source = await stubborn(runtime(), false);
    for (const kwta of [true, false]) {
      const model = await stubborn(runtime(), kwta);
      const result = await model.attack(attacks.adaptiveKwta({ norm: 'l0', source }), { ...one, epsilons: [2] });
      expectStagesAddUp(result, 1, 'l0');
      const softened = kwta ? ['softened gradient 0.3', 'softened gradient 0.1'] : [];
      expect(names(result)).toEqual(['transfer', ...softened, 'sigma-zero', 'salt and pepper 3900']);
      expect(asked(result)).toBe(kwta ? 3 * 2000 + 3900 : 2000 + 3900);
    }
    // What a softened gradient finds is found within the ball.
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }), 4);
    const data = stripes(6, 2, 4);
    const broken = await model.attack(attacks.adaptiveKwta({ norm: 'l0' }), {
      x: data.tensor(),
      labels: data.labels,
      epsilons: [8],
    });
    expect(broken.success[0].every(Boolean)).toBe(true);
    expect(Math.max(...broken.distances[0])).toBeLessThanOrEqual(8);
    expect(broken.stages[0][0].broken).toBeGreaterThan(0);
  });

  it('asks for no more without k-WTA, whatever the budget, and says so', async () => {
    const model = await stubborn(runtime(), false);
    const short = await model.attack(attacks.adaptiveKwta({ budget: 'full' }), one);
    expect(short.warnings[0].join()).toContain('no k-WTA layer');
    expect(short.queries).toEqual((await model.attack(attacks.adaptiveKwta(), one)).queries);
  });

  it('breaks with a student what it breaks without, and spends less', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }), 4);
    const source = await trainedStripeNet(runtime(), nn.relu(), 4);
    const data = stripes(8, 2, 4);
    const options = { x: data.tensor(), labels: data.labels, epsilons: [0.25], maxQueries: 1000 };
    const [alone, taught] = [
      await model.attack(attacks.adaptiveKwta(), options),
      await model.attack(attacks.adaptiveKwta({ source }), options),
    ];
    expect(fallen(taught.success[0])).toBeGreaterThanOrEqual(fallen(alone.success[0]));
    expect(taught.stages[0][0]).toMatchObject({ name: 'transfer', queries: { forward: 0, backward: 0 } });
    expect(taught.stages[0][0].broken).toBeGreaterThan(0);
    expect(taught.queries.forward).toBeLessThan(alone.queries.forward);
  });
});
