/** Reports are done again to be verified: one that holds does, and whatever is forged is named by its place. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  attacks,
  type ComparisonReport,
  ConfigError,
  createRuntime,
  type EvaluateOptions,
  evaluateRobustness,
  type Model,
  nn,
  type RobustnessReport,
  verifyReport,
} from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, recomputed } from '../../dist/evaluate/recompute.js';
import { decodeSafetensors, encodeSafetensors } from '../../dist/io/safetensors.js';
import { expectError, useRuntime } from '../contract/support.js';
import { stripes, trainedStripeNet } from '../contract/toys.js';
import { conforms, type JsonSchema } from './jsonSchema.js';

type Plain = Record<string, unknown>;

/** Every place of a number, a text, a flag or a null, as a path from the outside in. */
function places(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => places(inner, [...path, key]));
}

const textOf = (path: readonly (string | number)[]): string =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');

/** A copy with another value at one place. */
function forged<T>(value: T, path: readonly (string | number)[], change: (old: unknown) => unknown): T {
  const copy = structuredClone(value);
  let at = copy as Plain;
  for (const key of path.slice(0, -1)) at = at[key] as Plain;
  const last = path[path.length - 1];
  at[last] = change(at[last]);
  return copy;
}

function another(old: unknown): unknown {
  if (typeof old === 'number') return Number.isInteger(old) ? old + 1 : old * 0.9;
  if (typeof old === 'boolean') return !old;
  return old === null ? 7 : `${old}x`;
}

/** What depends on the moment is not verified. */
const momentary = /(^|\.)(seconds|date|platform|threads|variant)$/;

describe('verifyReport', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });
  const test = stripes(24, 2);
  let folder: string;
  let model: Model;
  let other: Model;
  let file: string;
  let report: RobustnessReport;
  let both: ComparisonReport;
  const models = () => [
    { name: 'k-WTA', model },
    { name: 'ReLU', model: other },
  ];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kwta-verify-'));
    file = join(folder, 'adversarials.safetensors');
    model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.1 }));
    other = await trainedStripeNet(runtime(), nn.relu());
    const options: EvaluateOptions = { epsilons: [0.05, 0.1], attacks: 'quick', seed: 5, adversarials: file };
    report = JSON.parse(JSON.stringify(await evaluateRobustness(model, test, options)));
    const list = [attacks.pgd({ steps: 5 }), attacks.deepFool(), attacks.transfer({ source: other })];
    both = JSON.parse(JSON.stringify(await evaluateRobustness(models(), test, { epsilons: [0.1], attacks: list })));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('finds nothing wrong with a report that holds', async () => {
    expect(await verifyReport(report, model, test, { adversarials: file })).toEqual({ verified: true, problems: [] });
    expect(await verifyReport(both, models(), test)).toEqual({ verified: true, problems: [] });
  });

  it('counts the values that differ in l0', async () => {
    const adversarials = join(folder, 'l0.safetensors');
    const options: EvaluateOptions = { epsilons: [3], norm: 'l0', attacks: 'quick', adversarials };
    const sparse = await evaluateRobustness(model, test, options);
    expect(await verifyReport(sparse, model, test, { adversarials })).toEqual({ verified: true, problems: [] });
    const { tensors, metadata } = decodeSafetensors(adversarials, await readFile(adversarials));
    const [{ samples, tensor: name }] = JSON.parse(metadata['kwta.adversarials']) as {
      samples: number[];
      tensor: string;
    }[];
    const original = test.tensor([samples[0]]).data;
    const image = tensors[name].data.subarray(0, original.length);
    const untouched = image.findIndex((value, i) => value === original[i]);
    image[untouched] += 2 ** -20;
    await writeFile(adversarials, encodeSafetensors({ tensors, metadata }));
    const { problems } = await verifyReport(sparse, model, test, { adversarials });
    expect(problems.join()).toContain(`sample ${samples[0]}: it is 4 away, more than 3`);
  });

  it('has a form that is exported, and says which version wrote it', async () => {
    const read = async (name: string) => JSON.parse(await readFile(`dist/schema/${name}.json`, 'utf8')) as JsonSchema;
    const [one, several] = [await read('report'), await read('comparison')];
    expect([conforms(one, report), conforms(several, both)]).toEqual([true, true]);
    expect([conforms(one, both), conforms(several, report)]).toEqual([false, false]);
    expect(
      conforms(
        one,
        forged(report, ['worstCase', '0.1', 'total'], () => 'many'),
      ),
    ).toBe(false);
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(report.provenance.versions.kwta).toBe(version);
  });

  it('has models and samples of another runtime, too', async () => {
    const fresh = await createRuntime({ threads: 1, variant: 'simd' });
    const again = await fresh.model(model.spec);
    await again.loadStateDict(await model.stateDict());
    const second = await fresh.model(other.spec);
    await second.loadStateDict(await other.stateDict());
    expect(await verifyReport(report, again, test, { adversarials: file })).toEqual({ verified: true, problems: [] });
    const named = [
      { name: 'k-WTA', model: again },
      { name: 'ReLU', model: second },
    ];
    expect(await verifyReport(both, named, test)).toEqual({ verified: true, problems: [] });
    await fresh.dispose();
  });

  it('names a forged figure, prediction, flag and word', async () => {
    const cases: [path: (string | number)[], value?: unknown][] = [
      [['clean', 'correct']],
      [['clean', 'predictions', 3]],
      [['attacks', 1, 'predictions', 17]],
      [['attacks', 2, 'survived', 4]],
      [['attacks', 0, 'queries', 'forward']],
      [['attacks', 0, 'eightBit', 'remaining']],
      [['attacks', 0, 'diagnostics', 'gradients']],
      [['worstCase', '0.1', 'accuracy']],
      [['worstCase', '0.1', 'ci95', 0]],
      [['curve', 'points', 0, 'correct']],
      [['curve', 'radii', 2], 0.07],
      [['envelope', 'attacks', 1, 'distances', 4], 0.0123],
      [['envelope', 'attacks', 0, 'optimality'], 0.123],
      [['probes', 'wholeBox', 'left']],
      [['weights']],
      [['provenance', 'data', 'hash']],
      [['labels', 2]],
      [['findings', 0, 'message']],
    ];
    for (const [path, value] of cases) {
      const wrong = forged(report, path, (old) => (value === undefined ? another(old) : value));
      const { verified, problems } = await verifyReport(wrong, model, test, { adversarials: file });
      expect(verified, textOf(path)).toBe(false);
      expect(problems.map((problem) => problem.slice(0, problem.indexOf(':')))).toContain(textOf(path));
    }
    const { problems } = await verifyReport(
      forged(both, ['pairs', 0, 'p'], () => 0.001),
      models(),
      test,
    );
    expect(problems).toEqual([expect.stringMatching(/^pairs\[0\]\.p: expected .*, got 0\.001$/)]);
  });

  it('names whatever place is changed (any of them)', () => {
    for (const each of [report, both]) {
      const all = places(each).filter((path) => !momentary.test(textOf(path)));
      fc.assert(
        fc.property(fc.constantFrom(...all), (path) => {
          const found = differences(forged(each, path, another), each);
          expect(found.map((line) => line.slice(0, line.indexOf(':')))).toEqual([textOf(path)]);
        }),
        { seed: 7, numRuns: 300 },
      );
      expect(differences(each, each)).toEqual([]);
    }
  });

  it('finds what does not follow from the figures beside it without running an attack', () => {
    for (const each of [report, both]) expect(differences(each, recomputed(each))).toEqual([]);
    const wrong = forged(report, ['worstCase', '0.05', 'correct'], another);
    expect(differences(wrong, recomputed(wrong))).toEqual([expect.stringMatching(/^worstCase\.0\.05\.correct: /)]);
    const paths = [
      ['envelope', 'attacks', 0, 'optimality'],
      ['envelope', 'attacks', 1, 'median'],
      ['envelope', 'attacks', 1, 'best'],
      ['envelope', 'comparisons', 0, 'statistic'],
      ['envelope', 'median'],
      ['envelope', 'dMax'],
    ];
    for (const path of paths) {
      const better = forged(report, path, () => 0.123);
      const problems = differences(better, recomputed(better));
      expect(problems).toEqual([expect.stringMatching(/^envelope\..*: expected .*, got 0\.123$/)]);
      expect(problems[0]).toContain(textOf(path));
    }
    // Who is broken within a radius cannot be further away than that, and who is not cannot be near.
    const { attacks: rows, labels, clean } = report;
    const known = labels.map((_, i) => i).filter((i) => clean.predictions[i] === labels[i]);
    const [first, second] = rows.filter(({ name }) => name === 'pgd');
    const samples = [
      known.find((i) => !first.survived[i] && !second.survived[i]) as number,
      known.find((i) => first.survived[i] && second.survived[i]) as number,
    ];
    for (const [n, far] of [0.09, 0.01].entries()) {
      const place = ['envelope', 'attacks', 0, 'distances', samples[n]];
      const moved = forged(report, place, () => far);
      expect(differences(moved, recomputed(moved)).join('\n')).toContain(`${textOf(place)}: expected`);
    }
    const short = forged(report, ['envelope', 'attacks', 0, 'distances'], () => []);
    expect(differences(short, recomputed(short)).join()).toContain('envelope.attacks[0].distances.length: expected 24');
  });

  it('says what it could not do', async () => {
    const relaxed = forged(report, ['provenance', 'runtime', 'variant'], () => 'relaxed-threads');
    const { verified, problems } = await verifyReport(relaxed, model, test, { adversarials: file });
    expect(verified).toBe(false);
    expect(problems).toEqual([expect.stringMatching(/^provenance\.runtime\.variant: the attacks were not run again/)]);
    const flagged = forged(relaxed, ['clean', 'predictions', 5], another);
    const found = await verifyReport(flagged, model, test, { adversarials: file });
    expect(found.problems.join('\n')).toContain('clean.predictions[5]');

    const strange = forged(both, ['provenance', 'sources', 0, 'weights'], another);
    expect((await verifyReport(strange, models(), test)).problems.join('\n')).toContain('is none of the given models');
    expect((await verifyReport(report, model, test)).problems).toEqual([expect.stringContaining('was not given')]);
  });

  it('says of a model that answers at random that it cannot be asked again', async () => {
    const layers = [nn.flatten(), nn.dropout({ p: 0.5, always: true }), nn.linear({ out: 3 })];
    const random = await runtime().model(nn.sequential(layers, { input: [1, 8, 8] }), { seed: 2 });
    const claimed = await evaluateRobustness(random, test, { epsilons: [0.1], attacks: [attacks.fgsm()] });
    const { verified, problems } = await verifyReport(claimed, random, test);
    expect(verified).toBe(false);
    expect(problems).toEqual([expect.stringMatching(/^probes\.repeated: the attacks were not run again/)]);
    const wrong = forged(claimed, ['attacks', 0, 'correct'], another);
    expect((await verifyReport(wrong, random, test)).problems.join()).toContain('attacks[0].correct');
  });

  it('refuses what is no report, and says why', async () => {
    const wrong: [unknown, string][] = [
      [null, 'expected a report, got null'],
      [{ ...report, schema: 2 }, 'schema: expected'],
      [forged(report, ['attacks', 0, 'epsilon'], () => '0.1'), 'attacks[0].epsilon: expected a number >= 0, got "0.1"'],
      [{ ...report, extra: 1 }, "unknown option 'extra'"],
      [both, 'unknown options'],
      [
        JSON.parse(JSON.stringify(report).replace('"worstCase":{', '"worstCase":{"__proto__":{},')),
        "worstCase: unknown option '__proto__'",
      ],
      [{ ...report, epsilons: [] }, 'epsilons: expected at least one'],
      [{ ...report, labels: [] }, 'labels: expected at least one'],
    ];
    for (const [value, problem] of wrong) {
      const found = await verifyReport(value, model, test);
      expect(found.verified).toBe(false);
      expect(found.problems.join('\n')).toContain(problem);
    }
    await expectError(verifyReport(report, {} as Model, test), ConfigError, 'model', 'a model of a runtime');
    await expectError(verifyReport(report, model, test, { adversarial: file } as object), ConfigError, "'adversarial'");
  });

  it('says of a model of other inputs that images do not fit it', async () => {
    const small = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 3 })], { input: [1, 5, 5] }));
    const { verified, problems } = await verifyReport(report, small, test, { adversarials: file });
    expect(verified).toBe(false);
    expect(problems.filter((problem) => problem.startsWith('adversarials[')).join()).toContain('1x5x5');
  });

  it('asks a model no oftener than an evaluation does, whatever a report says', async () => {
    for (const [differing, claimed] of [
      [0, 0],
      [3, Number.MAX_SAFE_INTEGER],
    ]) {
      const wrong = {
        ...report,
        probes: { ...report.probes, repeated: { samples: 24, differing, evaluations: claimed } },
      };
      const { verified, problems } = await verifyReport(wrong, model, test, { adversarials: file });
      expect(verified).toBe(false);
      expect(problems.filter((problem) => problem.startsWith('adversarials['))).toEqual([]);
    }
  });

  it('names a forged image, a missing one, and a file that is none', async () => {
    const { tensors, metadata } = decodeSafetensors(file, await readFile(file));
    const [name] = Object.keys(tensors);
    const [entry] = JSON.parse(metadata['kwta.adversarials']) as { samples: number[]; epsilon: number }[];
    const forgery = join(folder, 'forged.safetensors');
    const write = async (change: (data: Float32Array) => void): Promise<string[]> => {
      const changed = structuredClone(tensors);
      change(changed[name].data);
      await writeFile(forgery, encodeSafetensors({ tensors: changed, metadata }));
      return (await verifyReport(report, model, test, { adversarials: forgery })).problems;
    };
    const sample = `sample ${entry.samples[0]}`;
    // The original is inside the ball, and right.
    const original = await write((data) => data.set(test.tensor([entry.samples[0]]).data));
    expect(original.join('\n')).toContain('adversarials: expected the hash of the file');
    expect(original.filter((line) => line.includes(`${sample}:`)).join()).toContain('is said to make it');
    const far = await write((data) => data.fill(1, 0, 64));
    expect(far.join('\n')).toMatch(new RegExp(`${sample}: it is .* away, more than ${entry.epsilon}`));
    const outside = await write((data) => data.fill(1.5, 0, 1));
    expect(outside.join('\n')).toContain(`${sample}: a pixel is outside [0, 1]`);
    // An image that is adversarial, too, with its hash in the report: it is not what the attack made.
    const { data } = tensors[name];
    const nudged = data.slice();
    const pixel = nudged.findIndex((value, i) => i < 64 && value > 0.3 && value < 0.6);
    nudged[pixel] = Math.fround(nudged[pixel] * (1 - 2 ** -20));
    const bytes = encodeSafetensors({ tensors: { ...tensors, [name]: { ...tensors[name], data: nudged } }, metadata });
    await writeFile(forgery, bytes);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const exchanged = await verifyReport({ ...report, adversarials: hash }, model, test, { adversarials: forgery });
    expect(exchanged.problems.join('\n')).toContain(`adversarials: expected "${report.adversarials}", got "${hash}"`);
    await writeFile(forgery, 'nothing');
    const none = await verifyReport(report, model, test, { adversarials: forgery });
    expect(none.problems.join('\n')).toContain('expected a safetensors file');
    const missing = await verifyReport(report, model, test, { adversarials: join(folder, 'missing') });
    expect(missing.problems).toEqual([expect.stringContaining('there is no file')]);
  });

  it('keeps of each broken sample the work of the first attack that broke it, and nothing else', async () => {
    const { tensors, metadata } = decodeSafetensors(file, await readFile(file));
    const entries = JSON.parse(metadata['kwta.adversarials']) as {
      epsilon: number;
      tensor: string;
      samples: number[];
      attacks: string[];
    }[];
    for (const { epsilon, tensor, samples, attacks: names } of entries) {
      const rows = report.attacks.filter((row) => row.epsilon === epsilon);
      const broken = report.labels.map((_, i) => i).filter((i) => rows.some(({ survived }) => !survived[i]));
      expect([...samples].sort((a, b) => a - b)).toEqual(
        broken.filter((i) => report.clean.predictions[i] === report.labels[i]),
      );
      expect(names).toEqual(samples.map((i) => rows.find(({ survived }) => !survived[i])?.name));
      const predictions = await model.predict(tensors[tensor]);
      expect(Array.from(predictions)).toEqual(
        samples.map((i, at) => rows.find(({ name }) => name === names[at])?.predictions[i]),
      );
    }
  });
});
