/**
 * Random networks of all layers, nested, against a slow reference (test/reference): logits, loss, and the
 * gradients by the input and by every parameter. The seed is fixed; KWTA_RUNS and KWTA_SEED choose others.
 */
import fc from 'fast-check';
import { type Model, nn, type Runtime, ShapeError, type Tensor } from 'kwta';
import { expect, inject, it } from 'vitest';
import { judge, type Verdict } from '../reference/judge.js';
import { layerTypes, type Maps, TooFewValues } from '../reference/layers.js';
import { exact, run } from '../reference/network.js';
import { type Case, cases, randomState, samplesOf, typesOf } from '../reference/randomNetworks.js';
import { describeVariants, expectError } from './support.js';

const { runs, seed } = inject('random');

/**
 * Which values a dropout layer keeps: learned from the package itself, since its random numbers are its own. In
 * front of the layer stand as many that do nothing as in the network, because each layer draws its own numbers;
 * behind it a linear layer, in whose gradient sample s counts 2^s.
 */
async function keptBy(
  runtime: Runtime,
  item: Case,
  layer: number,
  { n, c, h, w }: Maps,
  p: number,
): Promise<Float64Array> {
  const idle = nn.normalize({ mean: new Array<number>(c).fill(0), std: new Array<number>(c).fill(1) });
  const before = new Array<typeof idle>(layer).fill(idle);
  const spec = nn.sequential([...before, nn.dropout({ p }), nn.flatten(), nn.linear({ out: 2, bias: false })], {
    input: [c, h, w],
  });
  const model = await runtime.model(spec, { seed: item.seed });
  const size = c * h * w;
  const fresh = await model.stateDict();
  const zero = Object.entries(fresh).map(([name, { shape, data }]) => [name, { shape, data: data.map(() => 0) }]);
  await model.loadStateDict(Object.fromEntries(zero));
  const x: Tensor = {
    shape: [n, c, h, w],
    data: Float32Array.from({ length: n * size }, (_, at) => 2 ** Math.floor(at / size)),
  };
  const { gradients } = await model.parameterGradients(x, new Int32Array(n));
  await model.dispose();
  // Of the class that no sample has: half a sample's value, over n.
  const [{ data: gradient }] = Object.values(gradients);
  const kept = new Float64Array(n * size);
  for (let i = 0; i < size; i++) {
    const sum = Math.round(gradient[size + i] * 2 * n * (1 - p));
    for (let s = 0; s < n; s++) kept[s * size + i] = (sum >> s) & 1;
  }
  return kept;
}

/** The values that each dropout layer of a case keeps. */
async function keptByAll(
  runtime: Runtime,
  item: Case,
  state: Record<string, Tensor>,
): Promise<Map<number, Float64Array>> {
  const layers: [layer: number, x: Maps, p: number][] = [];
  const kept = (layer: number, x: Maps, p: number): Float64Array => {
    layers.push([layer, x, p]);
    return new Float64Array(x.data.length).fill(1);
  };
  try {
    run(item.spec, state, samplesOf(item), { mode: 'train', rounding: exact, kept });
  } catch (error) {
    // The layers behind are not reached in training at all.
    if (!(error instanceof TooFewValues)) throw error;
  }
  const masks = new Map<number, Float64Array>();
  for (const [layer, x, p] of layers) masks.set(layer, await keptBy(runtime, item, layer, x, p));
  return masks;
}

/** The reference's verdicts, the same for every build of the kernels. */
const verdicts = new Map<string, Verdict | 'undecided'>();

async function verdictOn(runtime: Runtime, item: Case, state: Record<string, Tensor>): Promise<Verdict | 'undecided'> {
  const key = JSON.stringify(item);
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const masks = await keptByAll(runtime, item, state);
  const verdict = judge(item, state, (layer) => masks.get(layer) ?? []) ?? 'undecided';
  verdicts.set(key, verdict);
  return verdict;
}

/** Everything that the package computes of a case, named as in the verdict. */
async function computed(model: Model, item: Case, trains: boolean): Promise<Record<string, ArrayLike<number>>> {
  const x = samplesOf(item);
  const { loss, gradient } = await model.inputGradient(x, item.labels, { loss: item.loss });
  const evaluated = { logits: (await model.logits(x)).data, loss, 'input gradient': gradient.data };
  const training = model.parameterGradients(x, item.labels);
  if (!trains) {
    await expectError(training, ShapeError, 'batchNorm2d');
    return evaluated;
  }
  const { loss: mean, gradients } = await training;
  const named = Object.entries(gradients).map(([name, { data }]) => [`gradient of ${name}`, data]);
  return { ...evaluated, 'training loss': [mean], ...Object.fromEntries(named) };
}

/** @throws with the first value that differs by more than rounding. */
function expectAgreement(found: Record<string, ArrayLike<number>>, { values, tolerances }: Verdict): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(values).sort());
  for (const [name, expected] of Object.entries(values)) {
    expect(found[name].length, name).toBe(expected.length);
    const tolerance = tolerances[name];
    const at = expected.findIndex((value, i) => !(Math.abs(found[name][i] - value) <= tolerance[i]));
    if (at < 0) continue;
    throw new Error(`${name}: value ${at} is ${found[name][at]}, expected ${expected[at]} within ${tolerance[at]}`);
  }
}

describeVariants('random networks', (runtime) => {
  const timeout = 60_000 + 1000 * runs;
  it(`compute what the reference does (${runs} networks, seed ${seed})`, { timeout }, async () => {
    const met = new Set<string>();
    let undecided = 0;
    const property = fc.asyncProperty(cases, async (item) => {
      const model = await runtime().model(item.spec, { seed: item.seed, recompute: item.recompute });
      try {
        const state = randomState(await model.stateDict(), item.seed);
        await model.loadStateDict(state);
        const verdict = await verdictOn(runtime(), item, state);
        if (verdict === 'undecided') {
          undecided++;
          return;
        }
        expectAgreement(await computed(model, item, verdict.trains), verdict);
        for (const type of typesOf(item.spec.layers)) met.add(type);
      } finally {
        await model.dispose();
      }
    });
    await fc.assert(property, { seed, numRuns: runs });
    // Most networks must have been judged, and every layer among them.
    expect(undecided).toBeLessThan(runs / 4);
    expect([...met].sort()).toEqual([...layerTypes, 'concat', 'residual', 'sequential'].sort());
  });
});
