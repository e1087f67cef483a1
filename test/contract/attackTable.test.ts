/**
 * What holds of every attack, in every norm, on every kind of model: its results lie in the ball and the box, are what
 * the model says, belong to their sample alone, and cost what is counted. In a page, a part of it.
 */
import { type AttackResult, attacks, type Model, nn, type Tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// What an attack says of itself reaches the reports alone.
import { traitsOf } from '../../dist/attacks/table.js';
import { type Attack, attackIn, convexNorms, type Norm, norms, table } from './attackTable.js';
import { caught, noise, shuffled, useRuntime } from './support.js';
import { linear, spoiledLabels, stripes, trainedStripeNet } from './toys.js';

const inNode = !('document' in globalThis);
const classes = 4;
const count = 7;
const seed = 5;

/** Radii: nothing moves; nobody falls (in l0 a single value is enough for some); some fall; many fall. */
const radii: Readonly<Record<Norm, number[]>> = {
  linf: [0, 1e-6, 0.05, 0.6],
  l2: [0, 1e-6, 0.3, 5],
  l1: [0, 1e-6, 1, 40],
  l0: [0, 1, 6, 60],
};

/** A model of one kind, the same on two threads, and what is asked of it. */
interface Kind {
  model: Model;
  twin: Model;
  /** What a transfer is made on, and its own twin. */
  source: Model;
  sourceTwin: Model;
  x: Tensor;
  labels: number[];
  /** Those that are attacked. */
  right: number[];
}

/** The samples with these numbers. */
function pick({ shape, data }: Tensor, numbers: readonly number[]): Tensor {
  const size = data.length / shape[0];
  const result = new Float32Array(numbers.length * size);
  for (const [at, i] of numbers.entries()) result.set(data.subarray(i * size, (i + 1) * size), at * size);
  return { shape: [numbers.length, ...shape.slice(1)], data: result };
}

function distancesOf(adversarial: Tensor, x: Tensor, norm: Norm): number[] {
  return Array.from({ length: x.shape[0] }, (_, i) => {
    const original = pick(x, [i]).data;
    const changes = pick(adversarial, [i]).data.map((pixel, j) => Math.abs(pixel - original[j]));
    if (norm === 'linf') return Math.max(...changes);
    if (norm === 'l0') return changes.filter((change) => change > 0).length;
    return norm === 'l1' ? changes.reduce((sum, change) => sum + change, 0) : Math.hypot(...changes);
  });
}

const fallen = (flags: readonly boolean[]): number => flags.filter(Boolean).length;
const sum = ({ forward, backward }: { forward: number; backward: number }): number => forward + backward;

describe('the table', () => {
  it('has every attack, in every norm that it takes, and no other', async () => {
    const source = { id: 'some model' } as Model;
    const types = new Map<string, Set<Norm>>();
    for (const row of Object.values(table)) {
      for (const norm of row.norms ?? convexNorms) {
        const { type } = attackIn(row, norm, source);
        types.set(type, (types.get(type) ?? new Set()).add(norm));
      }
    }
    expect([...types.keys()].sort()).toEqual(Object.keys(attacks).sort());
    const makers = attacks as unknown as Record<string, (options: object) => Attack>;
    const wrappers = new Set<string>(
      Object.values(table)
        .map(({ make }) => make('linf', source))
        .filter((spec) => 'attack' in spec)
        .map(({ type }) => type),
    );
    for (const [type, own] of types) {
      // A wrapper has the norm of what is inside.
      for (const norm of norms) {
        const taken = wrappers.has(type) || (await caught(() => makers[type]({ norm }))) === undefined;
        expect(own.has(norm), `${type} in ${norm}`).toBe(taken);
      }
    }
  });

  it('names the gradient that each attack follows', () => {
    for (const [name, { make, gradient }] of Object.entries(table)) {
      expect(traitsOf(make('linf', { id: 'some model' } as Model)).gradient, name).toBe(gradient);
    }
  });
});

describe('every attack', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });
  const threaded = useRuntime({ threads: 2, deterministic: true });
  let kinds: [name: string, Kind][];

  beforeAll(async () => {
    const twinOf = async (model: Model): Promise<Model> => {
      const twin = await threaded().model(model.spec);
      await twin.loadStateDict(await model.stateDict());
      return twin;
    };
    const kind = async (model: Model, source: Model, x: Tensor, labels: number[]): Promise<Kind> => {
      const answers = await model.predict(x);
      const right = labels.flatMap((label, i) => (answers[i] === label ? [i] : []));
      // The first three labels are wrong.
      expect(right).toEqual(labels.flatMap((_, i) => (i < 3 ? [] : [i])));
      return { model, twin: await twinOf(model), source, sourceTwin: await twinOf(source), x, labels, right };
    };
    const test = stripes(count, 2, classes);
    const labels = spoiledLabels(test);
    const relu = await trainedStripeNet(runtime(), nn.relu(), classes);
    const kwta = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }), classes);
    kinds = [['k-WTA', await kind(kwta, relu, test.tensor(), labels)]];
    if (!inNode) return;
    const flat = (await linear(runtime(), classes)).model;
    const greys: Tensor = { shape: [count, 1, 4, 4], data: noise(9, count * 16).map((value) => 0.5 + 0.2 * value) };
    const answers = Array.from(await flat.predict(greys), (answer, i) => (i < 3 ? (answer + 1) % classes : answer));
    kinds.push(
      ['ReLU', await kind(relu, kwta, test.tensor(), labels)],
      ['linear', await kind(flat, flat, greys, answers)],
    );
  });

  const each = Object.entries(table).flatMap(([name, row], at) => {
    const own = row.norms ?? convexNorms;
    return (inNode ? own : [own[at % own.length]]).map((norm) => [name, norm, row] as const);
  });

  it.each(each)('%s in %s', async (name, norm, row) => {
    const { asks, gradient, maxQueries, weak = false } = row;
    const epsilons = radii[norm];
    let reached = 0;
    for (const [target, { model, twin, source, sourceTwin, x, labels, right }] of kinds) {
      const what = `${name} in ${norm} on ${target}`;
      const options = { x, labels, epsilons, seed, maxQueries };
      const attack = attackIn(row, norm, source);
      const seen: { epsilon: number; done: number }[] = [];
      const onProgress = (progress: { epsilon: number; done: number }): void => {
        seen.push(progress);
      };
      const whole = await model.attack(attack, { ...options, onProgress });
      await checkGrades(whole, model, { x, labels, epsilons, norm }, what);
      checkUntouched(whole, x, right, what);
      checkProgress(seen, what);
      expect(fallen(whole.success[3]), `${what}: a larger ball`).toBeGreaterThan(fallen(whole.success[1]));

      if (asks !== undefined) {
        // One run, paid for at the first radius.
        const minimal = traitsOf(attack).family === 'minimal';
        const [forward, backward] = asks({ norm, classes });
        const expected = { forward: forward * right.length, backward: backward * right.length };
        expect(whole.queriesByEpsilon[norm === 'l0' || minimal ? 0 : 1], `${what}: queries`).toEqual(expected);
      }
      const { forward, backward } = whole.queries;
      if (maxQueries !== undefined) {
        for (const queries of whole.queriesByEpsilon)
          expect(sum(queries)).toBeLessThanOrEqual(maxQueries * right.length);
      }
      expect(forward > 0, `${what}: asks the model`).toBe(gradient !== 'transfer');
      const follows = gradient === 'exact' || gradient === 'surrogate' || gradient === 'several';
      expect(backward > 0, `${what}: asks for gradients`).toBe(follows);

      const askedBy = await checkAlone(whole, model, attack, options, what);
      await checkSameBits(
        whole,
        twin,
        attackIn(row, norm, sourceTwin),
        options,
        shuffled(1, count),
        `${what}: threads`,
      );
      await checkBudget(model, attack, options, askedBy, what);
      const own = await checkTargeted(model, attack, options, what);
      if (!weak) expect(own, `${what}: targets`).toBeGreaterThan(0);
      reached += own;
    }
    expect(reached, 'targets').toBeGreaterThan(0);
  });

  /** What is returned lies in the ball and the box, and success is what the model answers to it. */
  async function checkGrades(
    { clipped, distances, success, predictions }: AttackResult,
    model: Model,
    asked: { x: Tensor; labels: number[]; epsilons: number[]; norm: Norm },
    what: string,
  ): Promise<void> {
    const { x, labels, epsilons, norm } = asked;
    expect(clipped[0].data, `${what}: epsilon 0`).toEqual(x.data);
    for (const [e, epsilon] of epsilons.entries()) {
      const found = distancesOf(clipped[e], x, norm);
      expect(
        clipped[e].data.every((pixel) => pixel >= 0 && pixel <= 1),
        `${what}: box`,
      ).toBe(true);
      expect(Math.max(...found), `${what}: ball of ${epsilon}`).toBeLessThanOrEqual(epsilon * (1 + 1e-6) + 1e-7);
      const answers = await model.predict(clipped[e]);
      expect(predictions[e], what).toEqual(answers);
      expect(success[e], `${what}: success`).toEqual(labels.map((label, i) => answers[i] !== label));
      for (const [i, distance] of distances[e].entries()) {
        if (Number.isFinite(distance)) expect(distance).toBeCloseTo(found[i], 5);
        else expect(success[e][i]).toBe(false);
      }
    }
  }

  /** Who is wrong as it is stays so. */
  function checkUntouched({ raw, success }: AttackResult, x: Tensor, right: number[], what: string): void {
    const wrong = success[0].flatMap((_, i) => (right.includes(i) ? [] : [i]));
    expect(wrong.length).toBe(3);
    for (const e of raw.keys()) {
      expect(pick(raw[e], wrong), what).toEqual(pick(x, wrong));
      expect(
        wrong.every((i) => success[e][i]),
        what,
      ).toBe(true);
    }
  }

  /** For each radius in turn, from above 0 to 1; for all at once, where there is one run. */
  function checkProgress(seen: readonly { epsilon: number; done: number }[], what: string): void {
    expect(seen.length, `${what}: progress`).toBeGreaterThan(0);
    expect(seen.map(({ epsilon }) => epsilon)).toEqual(seen.map(({ epsilon }) => epsilon).sort((a, b) => a - b));
    for (const [at, { epsilon, done }] of seen.entries()) {
      const before = seen[at - 1]?.epsilon === epsilon ? seen[at - 1].done : 0;
      expect(done > 0 && done <= 1 && done >= before, `${what}: progress`).toBe(true);
    }
  }

  interface Asked {
    x: Tensor;
    labels: number[];
    epsilons: number[];
    seed: number;
    maxQueries?: number;
  }

  /** The larger radii alone, for some of the samples, in this order: a sample gets what it got among all. */
  async function checkSameBits(
    whole: AttackResult,
    model: Model,
    attack: Attack,
    { x, labels, epsilons, ...options }: Asked,
    order: readonly number[],
    what: string,
  ): Promise<AttackResult> {
    const asked = { x: pick(x, order), labels: order.map((i) => labels[i]), epsilons: epsilons.slice(2) };
    const result = await model.attack(attack, { ...options, ...asked });
    for (const e of [0, 1]) {
      expect(result.raw[e], `${what}: bits of ${order.join()}`).toEqual(pick(whole.raw[e + 2], order));
      expect(result.success[e], what).toEqual(order.map((i) => whole.success[e + 2][i]));
    }
    return result;
  }

  /** Each sample by itself, and among others: the same, and all ask the sum of what each does, which is given. */
  async function checkAlone(
    whole: AttackResult,
    model: Model,
    attack: Attack,
    options: Asked,
    what: string,
  ): Promise<number[]> {
    await checkSameBits(whole, model, attack, options, [5, 5, ...shuffled(2, count).slice(0, 3)], what);
    const askedBy: number[] = [];
    const total = { forward: 0, backward: 0 };
    for (const i of options.labels.keys()) {
      const { queries, queriesByEpsilon } = await checkSameBits(whole, model, attack, options, [i], what);
      askedBy.push(Math.max(...queriesByEpsilon.map(sum)));
      total.forward += queries.forward;
      total.backward += queries.backward;
    }
    // An attack of minimum norm runs once, and pays at the first radius.
    const paid = traitsOf(attack).family === 'minimal' ? [0] : [2, 3];
    const together = paid.map((e) => whole.queriesByEpsilon[e]);
    expect(total, `${what}: the sum of all`).toEqual({
      forward: together.reduce((all, { forward }) => all + forward, 0),
      backward: together.reduce((all, { backward }) => all + backward, 0),
    });
    return askedBy;
  }

  /** The sample that asks the most asks for no more than it may. */
  async function checkBudget(
    model: Model,
    attack: Attack,
    { x, labels, epsilons, ...options }: Asked,
    askedBy: readonly number[],
    what: string,
  ): Promise<void> {
    const most = Math.max(...askedBy);
    if (most === 0) return;
    const hungry = askedBy.indexOf(most);
    for (const maxQueries of new Set([1, 2, Math.ceil(most / 2), most])) {
      const asked = { x: pick(x, [hungry]), labels: [labels[hungry]], epsilons: epsilons.slice(2) };
      const { queriesByEpsilon } = await model.attack(attack, { ...options, ...asked, maxQueries });
      for (const queries of queriesByEpsilon) {
        expect(sum(queries), `${what}: at most ${maxQueries}`).toBeLessThanOrEqual(maxQueries);
      }
    }
  }

  /** With targets, nothing but the target is a success. Gives how many more a large ball has than a small one. */
  async function checkTargeted(
    model: Model,
    attack: Attack,
    { x, labels, epsilons, maxQueries }: Asked,
    what: string,
  ): Promise<number> {
    const targets = labels.map((label) => (label + 1) % classes);
    const options = { x, labels, targets, epsilons: [epsilons[1], epsilons[3]], seed, maxQueries };
    const { success, predictions, clipped } = await model.attack(attack, options);
    for (const e of [0, 1]) {
      expect(predictions[e]).toEqual(await model.predict(clipped[e]));
      expect(success[e], `${what}: targets`).toEqual(targets.map((goal, i) => predictions[e][i] === goal));
    }
    return fallen(success[1]) - fallen(success[0]);
  }
});
