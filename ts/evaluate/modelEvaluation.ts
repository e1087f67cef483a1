/**
 * Evaluates one model, in units of work: a chunk of samples through one attack at one epsilon. What is held grows by a few
 * numbers a sample; images are those of one chunk, unless the adversarials are wanted. Since a sample's result does not
 * depend on the others, neither does the report depend on the chunks.
 */
import { balls } from '../attacks/core/norms.js';
import type { AttackProgress } from '../attacks/core/run.js';
import { type AttackSpec, traitsOf } from '../attacks/table.js';
import { checkLabels } from '../base/labels.js';
import type { Tensor } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import { argmax } from '../graph/predictions.js';
import { classesOf, evaluations, logitsOf, majority, select } from './asking.js';
import { curveAttacks, curveOf, type RadiusRun, radiiOf } from './curve.js';
import { type AttackFound, addFound, envelopeOf, type Found, nearer, nothingFound } from './envelope.js';
import { type Evaluable, reportAttack } from './evaluable.js';
import type { Journal } from './journal.js';
import { unbroken } from './pairs.js';
import type { Plan, PlannedAttack } from './plan.js';
import type { Scope } from './presets.js';
import { attackUnbounded, probabilityRows, probed, type Right, surveyNeighbours } from './probes.js';
import type { Progress } from './progress.js';
import type { ModelReport, Probes } from './report.js';
import { type Part, Row } from './rows.js';
import { accuracyOf } from './statistics.js';

/** Samples of a unit of work. */
export const chunk = 256;

/** A model to evaluate. */
export interface Subject {
  /** Unique in a report; begins the names of its units of work. */
  key: string;
  /** Of several. */
  name?: string;
  model: Evaluable;
}

/** What all models of a report share. */
export interface Setting {
  plan: Plan;
  /** The samples, no more. */
  data: Dataset;
  labels: readonly number[];
  journal: Journal;
  progress: Progress;
  signal: AbortSignal | undefined;
  /** Whether adversarials are to be kept. */
  images: boolean;
}

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

/** What a chunk answers as it is. */
interface CleanPart {
  predictions: number[];
  differing: number;
  probabilities: number;
}

export class ModelEvaluation {
  readonly #model: Evaluable;
  readonly #clean: number[] = [];
  #times = 1;
  /** By epsilon, by sample: no attack broke it yet. */
  readonly #unbroken: boolean[][];
  readonly #adversarials: Adversarials[];
  /** What each attack found, over all radii. */
  readonly #found: AttackFound[] = [];

  constructor(
    private readonly subject: Subject,
    private readonly setting: Setting,
  ) {
    this.#model = subject.model;
    const { epsilons } = setting.plan;
    this.#unbroken = epsilons.map(() => []);
    this.#adversarials = epsilons.map((epsilon) => ({ epsilon, samples: [], attacks: [], images: [] }));
  }

  async run(): Promise<Measured> {
    const { plan, labels, data } = this.setting;
    checkLabels('test.labels', labels, this.#model.classes);
    const probes = await this.#askClean();
    const right = this.#clean.map((answer, i) => answer === labels[i]);
    for (const each of this.#unbroken) each.push(...right);
    const rows: Row[] = [];
    for (const [a, planned] of plan.attacks.entries()) {
      const radii = plan.epsilons.map((_, e) => e);
      const { family } = traitsOf(planned.attack);
      const found = this.#finding(planned.name, planned.scope, family);
      for (const group of family === 'minimal' ? [radii] : radii.map((e) => [e]))
        rows.push(...(await this.#attack(planned, a, group, found)));
    }
    const curve = plan.preset === null ? undefined : await this.#sweep(right);
    const attacks = rows.map((row) => row.report());
    const standing = (epsilon: number) => unbroken({ attacks }, epsilon, data.length).filter(Boolean).length;
    return {
      report: {
        parameters: this.#model.parameters,
        clean: { ...accuracyOf(right.filter(Boolean).length, data.length), predictions: this.#clean },
        worstCase: Object.fromEntries(plan.epsilons.map((e) => [String(e), accuracyOf(standing(e), data.length)])),
        attacks,
        envelope: envelopeOf(this.#found, right, plan.epsilons),
        ...(curve === undefined ? {} : { curve }),
        probes,
      },
      adversarials: this.#adversarials,
    };
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

  /** The samples `from ... from + chunk`, as numbers. */
  #chunks(): number[][] {
    const { length } = this.setting.data;
    return Array.from({ length: Math.ceil(length / chunk) }, (_, c) =>
      Array.from({ length: Math.min(chunk, length - c * chunk) }, (_, i) => c * chunk + i),
    );
  }

  /** Classes of the samples as they are, and the answers to what every model is asked. */
  async #askClean(): Promise<Probes> {
    const { data, labels, plan, signal } = this.setting;
    const model = this.#model;
    let probabilities = 0;
    let repeated = { samples: 0, differing: 0, evaluations: 1 };
    for (const samples of this.#chunks()) {
      const first = samples[0] === 0;
      const part = await this.#unit(`clean/${samples[0]}`, () => this.#cleanPart(data.tensor(samples), first));
      probabilities += part.probabilities;
      if (first) {
        this.#times = part.differing > 0 ? evaluations : 1;
        repeated = { samples: samples.length, differing: part.differing, evaluations: this.#times };
      }
      this.#clean.push(...part.predictions);
    }
    const found = this.#clean.map((_, i) => i).filter((i) => this.#clean[i] === labels[i]);
    const asked = found.slice(0, probed);
    const right: Right = { x: data.tensor(asked), labels: asked.map((i) => labels[i]) };
    return {
      repeated,
      probabilities: { rows: probabilities, of: data.length },
      neighbours: await this.#unit('neighbours', () => surveyNeighbours(model, right, plan.seed, signal)),
      wholeBox: await this.#unit('wholeBox', () => attackUnbounded(model, right, plan.seed, signal)),
    };
  }

  async #cleanPart(x: Tensor, first: boolean): Promise<CleanPart> {
    const { signal } = this.setting;
    const { classes } = this.#model;
    const logits = await logitsOf(this.#model, x, signal);
    const answers = [argmax(logits, classes)];
    let differing = 0;
    if (first) {
      const again = await logitsOf(this.#model, x, signal);
      differing = answers[0].filter((_, i) =>
        logits.subarray(i * classes, (i + 1) * classes).some((logit, j) => logit !== again[i * classes + j]),
      ).length;
      if (differing > 0) answers.push(argmax(again, classes));
    }
    const times = differing > 0 ? evaluations : this.#times;
    while (answers.length < times) answers.push(argmax(await logitsOf(this.#model, x, signal), classes));
    return {
      predictions: Array.from(answers[0], (_, i) => majority(answers.map((answer) => answer[i]))),
      differing,
      probabilities: probabilityRows(logits, classes),
    };
  }

  /** The attack of number `a` at some epsilons, which it gets at once; all chunks. */
  async #attack(planned: PlannedAttack, a: number, group: readonly number[], found: Found): Promise<Row[]> {
    const { plan, labels, progress } = this.setting;
    const { name, attack, scope } = planned;
    const rows = group.map((e) => new Row(planned, plan.epsilons[e], labels));
    const [{ epsilon: shown }] = rows;
    for (const samples of this.#chunks()) {
      const given = samples.filter((i) => scope === 'all' || group.some((e) => this.#unbroken[e][i]));
      const at = (done: number) => (samples[0] + done * samples.length) / labels.length;
      if (given.length > 0) {
        const epsilons = rows.map(({ epsilon }) => epsilon);
        const work = { attack, scope, epsilons, given, open: group.map((e) => this.#unbroken[e]) };
        const tell: Tell = (epsilon, done) =>
          progress.report({ ...this.#named(), name, epsilon, done: at(done) }, done);
        const unit = `attack ${a}/${shown}/${samples[0]}`;
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
    const { data, labels: all, plan, images, signal } = this.setting;
    const { seed, maxQueries } = plan;
    const x = data.tensor(given);
    const labels = given.map((i) => all[i]);
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
      for (const samples of this.#chunks()) {
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
          const name = `curve/${epsilon}/${a}/${samples[0]}`;
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
