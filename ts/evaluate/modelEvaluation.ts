/**
 * Evaluates one model, in units of work: a chunk of samples through one attack at one epsilon. What is held grows by a few
 * numbers a sample; images are those of one chunk, unless the adversarials are wanted. Since a sample's result does not
 * depend on the others, neither does the report depend on the chunks.
 */
import { balls } from '../attacks/core/norms.js';
import type { AttackProgress } from '../attacks/core/run.js';
import { type AttackSpec, traitsOf } from '../attacks/table.js';
import { ConfigError, DataError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import type { Tensor } from '../base/tensor.js';
import { classesOf, select } from './asking.js';
import { askAgain, askClean } from './clean.js';
import { curveAttacks, curveOf, type RadiusRun, radiiOf } from './curve.js';
import { type AttackFound, addFound, envelopeOf, type Found, nearer, nothingFound } from './envelope.js';
import { type Evaluable, reportAttack } from './evaluable.js';
import { unbroken } from './pairs.js';
import type { PlannedAttack } from './plan.js';
import type { Scope } from './presets.js';
import { attackUnbounded, probed, type Right, surveyNeighbours } from './probes.js';
import type { ModelReport, Probes } from './report.js';
import { type Part, Row } from './rows.js';
import { chunk, chunksOf, type Setting, type Subject } from './setting.js';
import { accuracyOf } from './statistics.js';

/** The adversarials of one epsilon: what the first attack that broke a sample made of it. */
export interface Adversarials {
  epsilon: number;
  samples: number[];
  attacks: string[];
  images: Float32Array[];
}

/** What was measured; findings are not judged yet. */
export interface Measured {
  report: Omit<ModelReport, 'name' | 'weights' | 'description' | 'findings'>;
  adversarials: Adversarials[];
}

/** What a unit of work gave: by epsilon, and over all of them. */
interface Attempt {
  parts: Part[];
  found: Found;
}

/** An attack on some of the samples. */
interface Work {
  attack: AttackSpec;
  scope: Scope;
  epsilons: number[];
  /** Numbers of the samples. */
  given: readonly number[];
  /** By epsilon, by sample of all: not broken before. */
  open: readonly (readonly boolean[])[];
}

type Tell = (epsilon: number, done: number) => unknown;

export class ModelEvaluation {
  readonly #clean: number[] = [];
  #repeated: Probes['repeated'] = { samples: 0, differing: 0, evaluations: 1 };
  #probabilities = 0;
  readonly #rows: Row[] = [];
  #curve: ModelReport['curve'];
  /** By epsilon, by sample: no attack broke it yet. */
  readonly #unbroken: boolean[][];
  readonly #adversarials: Adversarials[];
  /** What each attack found, over all radii. */
  readonly #found: AttackFound[] = [];

  constructor(
    private readonly subject: Subject,
    private readonly setting: Setting,
  ) {
    const { epsilons } = setting.plan;
    this.#unbroken = epsilons.map(() => []);
    this.#adversarials = epsilons.map((epsilon) => ({ epsilon, samples: [], attacks: [], images: [] }));
  }

  async run(): Promise<Measured> {
    const right = await this.measure();
    const probes = await this.probe();
    const { plan, data } = this.setting;
    const attacks = this.#rows.map((row) => row.report());
    const standing = (epsilon: number) => unbroken({ attacks }, epsilon, data.length).filter(Boolean).length;
    return {
      report: {
        parameters: this.subject.parameters,
        clean: { ...accuracyOf(right.filter(Boolean).length, data.length), predictions: this.#clean },
        worstCase: Object.fromEntries(plan.epsilons.map((e) => [String(e), accuracyOf(standing(e), data.length)])),
        attacks,
        envelope: envelopeOf(this.#found, right, plan.epsilons),
        ...(this.#curve === undefined ? {} : { curve: this.#curve }),
        probes,
      },
      adversarials: this.#adversarials,
    };
  }

  /** All that the samples are asked each by itself. @returns which of them are right as they are. */
  async measure(): Promise<boolean[]> {
    const { plan, labels } = this.setting;
    checkLabels('test.labels', labels, this.subject.classes);
    await this.#askClean();
    const right = this.#clean.map((answer, i) => answer === labels[i]);
    for (const each of this.#unbroken) each.push(...right);
    for (const [a, planned] of plan.attacks.entries()) {
      const radii = plan.epsilons.map((_, e) => e);
      const { family } = traitsOf(planned.attack);
      const found = this.#finding(planned.name, planned.scope, family);
      for (const group of family === 'minimal' ? [radii] : radii.map((e) => [e]))
        this.#rows.push(...(await this.#attack(planned, a, group, found)));
    }
    this.#curve = plan.preset === null ? undefined : await this.#sweep(right);
    return right;
  }

  /** What every model is asked about the first samples of all that it has right. */
  async probe(): Promise<Probes> {
    const { plan, signal, all } = this.setting;
    const right = async (): Promise<Right> => {
      const asked = await this.#firstRight();
      const samples = present(all);
      return { x: samples.tensor(asked), labels: asked.map((i) => samples.labels[i]) };
    };
    return {
      repeated: this.#repeated,
      probabilities: { rows: this.#probabilities, of: this.setting.data.length },
      neighbours: await this.#unit('neighbours', async () =>
        surveyNeighbours(this.#model, await right(), plan.seed, signal),
      ),
      wholeBox: await this.#unit('wholeBox', async () =>
        attackUnbounded(this.#model, await right(), plan.seed, signal),
      ),
    };
  }

  /** Where those of a shard are too few, those after them are asked, too. */
  async #firstRight(): Promise<number[]> {
    const { labels } = present(this.setting.all);
    const answers = [...this.#clean];
    const found = (): number[] => answers.map((_, i) => i).filter((i) => answers[i] === labels[i]);
    while (found().length < probed && answers.length < labels.length) {
      const next = chunksOf(Math.min(probed, labels.length - answers.length), answers.length)[0];
      answers.push(...(await classesOf(this.#model, this.#tensorOfAll(next), this.#times, this.setting.signal)));
    }
    return found().slice(0, probed);
  }

  get #model(): Evaluable {
    return present(this.subject.model);
  }

  get #times(): number {
    return this.#repeated.evaluations;
  }

  #tensor(samples: readonly number[]): Tensor {
    return this.#tensorOfAll(samples.map((i) => this.setting.start + i));
  }

  #tensorOfAll(samples: readonly number[]): Tensor {
    return present(this.setting.all).tensor(samples);
  }

  /** Who is wrong as it is has distance 0, whatever is tried. */
  #finding(name: string, scope: Scope, family: AttackFound['family']): Found {
    const { labels } = this.setting;
    const found = nothingFound(labels.length);
    for (const [i, label] of labels.entries()) if (this.#clean[i] !== label) found.distances[i] = 0;
    this.#found.push({ name, scope, family, found });
    return found;
  }

  #unit<T>(name: string, make: () => Promise<T>): Promise<T> {
    const { signal, journal, progress } = this.setting;
    signal?.throwIfAborted();
    return journal.unit(`${this.subject.key}/${name}`, () => {
      progress.worked();
      return make();
    });
  }

  /** Classes of the samples as they are, and whether they are always the same. */
  async #askClean(): Promise<void> {
    this.#repeated = await this.#unit('repeated', () => {
      const first = this.#tensorOfAll(chunksOf(Math.min(chunk, present(this.setting.all).length))[0]);
      return askAgain(this.#model, first, this.setting.signal);
    });
    const { start, data, all = data, chunks } = this.setting;
    if (this.#repeated.differing > 0 && (start > 0 || data.length < all.length)) {
      throw new ConfigError(
        'evaluateRobustness.shard: expected a model that always answers alike, got one that does not',
      );
    }
    for (const samples of chunks) {
      const part = await this.#unit(`clean/${this.#at(samples)}`, () =>
        askClean(this.#model, this.#tensor(samples), this.#times, this.setting.signal),
      );
      this.#probabilities += part.probabilities;
      this.#clean.push(...part.predictions);
    }
  }

  /** What the name of a unit of work says of its samples: the first, among all. */
  #at([first]: readonly number[]): number {
    return this.setting.start + first;
  }

  /** The attack of number `a` at some epsilons, which it gets at once; all chunks. */
  async #attack(planned: PlannedAttack, a: number, group: readonly number[], found: Found): Promise<Row[]> {
    const { plan, labels, progress } = this.setting;
    const { name, attack, scope } = planned;
    const rows = group.map((e) => new Row(planned, plan.epsilons[e], labels));
    const [{ epsilon: shown }] = rows;
    for (const samples of this.setting.chunks) {
      const given = samples.filter((i) => scope === 'all' || group.some((e) => this.#unbroken[e][i]));
      const at = (done: number) => (samples[0] + done * samples.length) / labels.length;
      if (given.length > 0) {
        const epsilons = rows.map(({ epsilon }) => epsilon);
        const work = { attack, scope, epsilons, given, open: group.map((e) => this.#unbroken[e]) };
        const tell: Tell = (epsilon, done) =>
          progress.report({ ...this.#named(), name, epsilon, done: at(done) }, done);
        const unit = `attack ${a}/${shown}/${this.#at(samples)}`;
        const attempt = await this.#unit(unit, () => this.#attackPart(work, tell));
        for (const [g, e] of group.entries()) this.#take(rows[g], e, given, attempt.parts[g]);
        addFound(found, attempt.found, given);
      }
      progress.finished();
    }
    for (const row of rows) {
      const { epsilon, accuracy } = row.report();
      await progress.report({ ...this.#named(), name, epsilon, done: 1, accuracy });
    }
    return rows;
  }

  #named(): { model?: string } {
    const { name } = this.subject;
    return name === undefined ? {} : { model: name };
  }

  /** @param given the samples of the part; those that were broken before are not the row's in a cascade. */
  #take(row: Row, e: number, given: readonly number[], part: Part): void {
    const unbroken = this.#unbroken[e];
    const places = given.map((_, at) => at).filter((at) => row.planned.scope === 'all' || unbroken[given[at]]);
    const { labels } = this.setting;
    const own = { ...part, predictions: places.map((at) => part.predictions[at]) };
    const taken = places.map((at) => given[at]);
    row.take(own, taken, given);
    const size = (part.images?.length ?? 0) / Math.max(part.broken.length, 1);
    for (const [n, at] of part.broken.entries()) {
      const kept = this.#adversarials[e];
      if (part.images === undefined) continue;
      kept.samples.push(given[at]);
      kept.attacks.push(row.planned.name);
      kept.images.push(part.images.slice(n * size, (n + 1) * size));
    }
    for (const at of places) {
      const i = given[at];
      unbroken[i] = unbroken[i] && part.predictions[at] === labels[i];
    }
  }

  /** What an attack makes of some samples. One of minimum norm is graded without a ball, too. */
  async #attackPart({ attack, scope, epsilons, given, open }: Work, tell: Tell): Promise<Attempt> {
    const { labels: known, plan, images, signal } = this.setting;
    const { seed, maxQueries } = plan;
    const x = this.#tensor(given);
    const labels = given.map((i) => known[i]);
    const clean = Int32Array.from(given, (i) => this.#clean[i]);
    const onProgress = ({ epsilon, done }: AttackProgress): unknown => tell(epsilon, done);
    const minimal = traitsOf(attack).family === 'minimal';
    const radii = minimal ? [...epsilons, Number.POSITIVE_INFINITY] : epsilons;
    const options = { x, labels, epsilons: radii, clean, seed, maxQueries, signal, onProgress };
    const results = await this.#model[reportAttack](attack, options);
    const parts: Part[] = [];
    const found = nothingFound(given.length);
    for (const [g, result] of results.entries()) {
      const { predictions: once, clipped: pixels, queriesBySample, queries, seconds, observed } = result;
      const clipped = { shape: x.shape, data: pixels };
      const answers = this.#times === 1 ? Array.from(once) : await classesOf(this.#model, clipped, this.#times, signal);
      // Who is wrong as it is stays as it is; a model that answers at random might be right about it now.
      const predictions = answers.map((answer, at) => (clean[at] === labels[at] ? answer : clean[at]));
      const made = labels.map((_, at) => at).filter((at) => clean[at] === labels[at] && predictions[at] !== labels[at]);
      const distances = balls[plan.norm].distances(pixels, x.data, x.data.length / given.length);
      for (const at of made) found.distances[at] = nearer(found.distances[at], distances[at]);
      for (const at of given.keys()) {
        found.forward[at] += queriesBySample.forward[at];
        found.backward[at] += queriesBySample.backward[at];
      }
      if (g === epsilons.length) continue;
      const broken = made.filter((at) => open[g][given[at]]);
      const own = scope === 'all' ? made : broken;
      parts.push({
        predictions,
        queries,
        // One run for all radii takes its time once.
        seconds: minimal && g > 0 ? 0 : seconds,
        observed,
        eightBit: { adversarials: own.length, remaining: await this.#remaining(clipped, labels, own) },
        broken,
        ...(images && broken.length > 0 ? { images: select(clipped, broken).data } : {}),
      });
    }
    return { parts, found };
  }

  /** Adversarials that are still misclassified with eight bits a pixel. */
  async #remaining(clipped: Tensor, labels: readonly number[], made: readonly number[]): Promise<number> {
    if (made.length === 0) return 0;
    const { shape, data } = select(clipped, made);
    const rounded = { shape, data: data.map((value) => Math.round(value * 255) / 255) };
    const classes = await classesOf(this.#model, rounded, this.#times, this.setting.signal);
    return classes.filter((answer, n) => answer !== labels[made[n]]).length;
  }

  /** Goes on to radii between the epsilons and beyond, with what is still right, until nothing is. */
  async #sweep(right: readonly boolean[]): Promise<ModelReport['curve']> {
    const { plan, labels, data, progress } = this.setting;
    const size = data.shape.reduce((product, extent) => product * extent, 1);
    const smallest = right.map((correct): number | null => (correct ? null : 0));
    const runs: RadiusRun[] = [];
    const found = this.#finding('curve', 'left', 'fixed');
    for (const epsilon of radiiOf(plan.epsilons, plan.norm, size)) {
      const e = plan.epsilons.indexOf(epsilon);
      if (e >= 0) {
        for (const [i, radius] of smallest.entries())
          if (radius === null && !this.#unbroken[e][i]) smallest[i] = epsilon;
        runs.push({ epsilon, parts: [] });
        continue;
      }
      const parts: RadiusRun['parts'] = [];
      for (const samples of this.setting.chunks) {
        for (const [a, attack] of curveAttacks(plan.norm).entries()) {
          const given = samples.filter((i) => smallest[i] === null);
          if (given.length === 0) continue;
          const work = {
            attack,
            scope: 'left' as const,
            epsilons: [epsilon],
            given,
            open: [smallest.map(() => false)],
          };
          const tell: Tell = (_, done) => {
            const at = (samples[0] + done * samples.length) / labels.length;
            return progress.report({ ...this.#named(), name: 'curve', epsilon, done: at });
          };
          const name = `curve/${epsilon}/${a}/${this.#at(samples)}`;
          const attempt = await this.#unit(name, () => this.#attackPart(work, tell));
          const [part] = attempt.parts;
          parts.push({ part, given });
          addFound(found, attempt.found, given);
          for (const [at, i] of given.entries()) if (part.predictions[at] !== labels[i]) smallest[i] = epsilon;
        }
      }
      runs.push({ epsilon, parts });
      if (smallest.every((radius) => radius !== null)) break;
    }
    return curveOf(runs, smallest, plan.norm);
  }
}

/** What is there wherever there is work to do. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new DataError('a unit of work is missing');
  return value;
}
