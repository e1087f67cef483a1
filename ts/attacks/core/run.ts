/**
 * The driver of all attacks: cuts samples into batches of bounded size, leaves out those that are where the attack
 * wants them already, runs the attack, grades its candidates, counts queries and gathers warnings.
 *
 * A sample's result depends on nothing but the sample, its class, the seed, the attack and the model: its random numbers
 * are its own, and so are, with the deterministic kernels, the bits of its logits and gradients.
 */
import type { Random } from '../../base/random.js';
import type { Network } from '../../graph/network.js';
import { type AttackSpec, normOf, traitsOf } from '../table.js';
import { all, pick, put } from './attack.js';
import { attackTogether, type Ended } from './attempt.js';
import { start } from './batch.js';
import { Goal } from './goal.js';
import { classify, type Grades, gradeApart } from './grading.js';
import { balls, beyondBox } from './norms.js';
import { addObserved, nothingObserved, type Observed, warningsOf } from './observed.js';
import { type Queries, Target } from './target.js';
import { blind } from './watch.js';

/** Samples and what is asked of them. */
export interface AttackRequest {
  /** `[n, size]`, pixels in [0, 1]. */
  x: Float32Array;
  /** True classes. */
  labels: Int32Array;
  /** Classes to be reached; without them, the true ones are to be left. */
  targets?: Int32Array;
  /** Radii in pixel units; may be left out for an attack of minimum norm. */
  epsilons?: readonly number[];
  seed: number;
  /** Queries of each sample at each epsilon, forward plus backward; no limit when left out. */
  maxQueries?: number;
  /** Classes the model gives to `x`, when they are known. */
  clean?: Int32Array;
}

/** Result at one epsilon, in plain arrays. */
export interface EpsilonResult {
  /** Infinity for an attack of minimum norm that was given none. */
  epsilon: number;
  /** What the attack returned, `[n, size]`. */
  raw: Float32Array;
  /** The same, brought into the ball and the box, as it was graded. */
  clipped: Float32Array;
  /** Class the model gives to each clipped sample. */
  predictions: Int32Array;
  success: boolean[];
  /** Distance of each clipped sample from the original, in the attack's norm; Infinity where an attack of minimum norm failed. */
  distances: Float32Array;
  /** What the attack asked, and for which sample. */
  queries: Queries;
  queriesBySample: { [kind in keyof Queries]: Float64Array };
  /** What the grader asked. */
  gradingQueries: Queries;
  seconds: number;
  /** What was observed, in words. */
  warnings: string[];
  observed: Observed;
}

/** Progress at one epsilon. */
export interface AttackProgress {
  epsilon: number;
  /** Share of the work at this epsilon, 0 to 1. */
  done: number;
}

/** Samples that an attack gets at once: many passes of the network, so that few are small when samples drop out. */
const together = 256;

/** Milliseconds between two reports of progress. */
const pause = 20;

/**
 * Attacks every sample at every epsilon; yields progress, or nothing new after a pass of the network.
 *
 * @param source finds the model of an id.
 * @throws {DivergedError} when the model answers NaN.
 */
export function* runAttack(
  network: Network,
  spec: AttackSpec,
  request: AttackRequest,
  source: (id: string) => Network,
): Generator<AttackProgress | undefined, EpsilonResult[], void> {
  const { x, labels, targets, epsilons = [Number.POSITIVE_INFINITY], clean: known } = request;
  const goal = new Goal(targets ?? labels, targets !== undefined);
  const clean = known ?? (yield* classify(network, x));
  const open = all(labels.length).filter((i) => !goal.reached(clean[i], i));
  const minimal = traitsOf(spec).family === 'minimal';
  const results = epsilons.map((epsilon) => new Result(epsilon, request));
  // Who is right was asked once for all epsilons.
  if (known === undefined) results[0].plain.gradingQueries.forward += labels.length;
  // An attack of minimum norm runs once, whatever the radii.
  for (const group of minimal ? [results] : results.map((result) => [result])) {
    yield* attackGroup(network, spec, request, source, { goal, open, group });
  }
  return results.map(({ plain }) => plain);
}

/** One run of the attack over all samples, graded at every epsilon of the group. */
function* attackGroup(
  network: Network,
  spec: AttackSpec,
  request: AttackRequest,
  source: (id: string) => Network,
  { goal, open, group }: { goal: Goal; open: readonly number[]; group: readonly Result[] },
): Generator<AttackProgress | undefined, void, void> {
  const { x, labels, seed, maxQueries } = request;
  const size = network.sampleSize;
  const minimal = traitsOf(spec).family === 'minimal';
  const ball = balls[normOf(spec)];
  const [{ plain }] = group;
  const { epsilon } = plain;
  const begun = performance.now();
  let reported = begun;
  let at = 0;
  for (let from = 0; from < labels.length; from += together) {
    const to = Math.min(from + together, labels.length);
    const attacked: number[] = [];
    while (at < open.length && open[at] < to) attacked.push(open[at++]);
    const original = x.subarray(from * size, to * size);
    const raw = original.slice();
    let ended: Ended[] = [];
    if (attacked.length > 0) {
      const given = {
        network,
        spec,
        x: pick(x, attacked, size),
        goal: goal.subset(attacked),
        epsilon,
        seed,
        maxQueries,
      };
      const steps = attackTogether(given, source);
      let next = steps.next();
      for (; !next.done; next = steps.next()) {
        const now = performance.now();
        const due = next.value !== undefined && now - reported > pause;
        if (due) reported = now;
        yield due ? { epsilon, done: (from + (next.value as number) * (to - from)) / labels.length } : undefined;
      }
      ended = next.value;
    }
    const placesOf = ({ places }: Ended): number[] => places.map((place) => attacked[place] - from);
    for (const each of ended) {
      put(raw, placesOf(each), each.candidates, size);
      group[0].pay(attacked, each);
    }
    const chunk = all(to - from).map((i) => from + i);
    const made = attacked.map((i) => i - from);
    for (const result of group) {
      const { epsilon: radius } = result.plain;
      const grades = yield* gradeApart(network, ball, goal.subset(chunk), original, raw, radius, made);
      result.take(from, raw, grades, minimal);
      // An attack of minimum norm was asked for no ball.
      const outside = minimal ? beyondBox(raw) : grades.outside;
      for (const each of ended) {
        const places = placesOf(each);
        const samples = places.map((_, n) => n).filter((n) => grades.ungraded.includes(places[n]));
        const said = samples.length > 0 ? grades.said : [];
        const broken = places.map((place) => grades.success[place]);
        const observed = each.run.observed(broken, radius, outside, { samples, said });
        const numbers = each.places.map((place) => attacked[place]);
        result.plain.observed = addObserved(result.plain.observed, observed, numbers);
      }
    }
  }
  const seconds = (performance.now() - begun) / 1000;
  for (const { plain } of group) {
    plain.seconds = seconds;
    plain.warnings = warningsOf(spec.type, labels.length, plain.observed);
  }
  yield { epsilon, done: 1 };
}

/**
 * Candidates for a batch as a training step wants them: made in one go, graded by nobody, without a limit to queries.
 *
 * @param random what all samples draw from, in their order.
 */
export function perturb(
  network: Network,
  spec: AttackSpec,
  { x, labels, epsilon, random }: { x: Float32Array; labels: Int32Array; epsilon: number; random: Random },
): Float32Array {
  const target = new Target(network, new Goal(labels, false), Number.POSITIVE_INFINITY, blind);
  const source = (): never => {
    throw new TypeError('an attack in training has no source');
  };
  const ignore = (): void => {};
  const told = { warn: ignore, failed: ignore, stage: ignore, graded: ignore };
  const run = start(spec, { network, x, target, epsilon, seed: 0, attempt: 0, random, ...told, source });
  let next = run.next();
  while (!next.done) next = run.next();
  return next.value;
}

/** Gathers what is found at one epsilon. */
class Result {
  readonly plain: EpsilonResult;

  constructor(epsilon: number, { x, labels }: AttackRequest) {
    this.plain = {
      epsilon,
      raw: new Float32Array(x.length),
      clipped: new Float32Array(x.length),
      predictions: new Int32Array(labels.length),
      success: [],
      distances: new Float32Array(labels.length),
      queries: { forward: 0, backward: 0 },
      queriesBySample: { forward: new Float64Array(labels.length), backward: new Float64Array(labels.length) },
      gradingQueries: { forward: 0, backward: 0 },
      seconds: 0,
      warnings: [],
      observed: nothingObserved,
    };
  }

  /** Counts what a run asked. @param attacked the samples that its places are among. */
  pay(attacked: readonly number[], { run, places }: Ended): void {
    const { queries, queriesBySample, gradingQueries } = this.plain;
    for (const [n, place] of places.entries()) {
      const { forward, backward } = run.target.queriesOf(n);
      queriesBySample.forward[attacked[place]] = forward;
      queriesBySample.backward[attacked[place]] = backward;
    }
    queries.forward += run.target.queries.forward;
    queries.backward += run.target.queries.backward;
    gradingQueries.forward += run.graded;
  }

  /** Takes the candidates and grades of the samples from number `from` on. */
  take(from: number, raw: Float32Array, grades: Grades, minimal: boolean): void {
    const { plain } = this;
    const size = raw.length / grades.predictions.length;
    plain.raw.set(raw, from * size);
    plain.clipped.set(grades.clipped, from * size);
    plain.predictions.set(grades.predictions, from);
    plain.success.push(...grades.success);
    plain.distances.set(
      minimal ? grades.distances.map((d, i) => (grades.success[i] ? d : Number.POSITIVE_INFINITY)) : grades.distances,
      from,
    );
    plain.gradingQueries.forward += grades.predictions.length;
  }
}
