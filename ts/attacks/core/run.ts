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
import { type AttackStage, all, pick, put } from './attack.js';
import { start } from './batch.js';
import { Goal } from './goal.js';
import { classify, type Grades, grade } from './grading.js';
import { balls, beyondBox } from './norms.js';
import { addObserved, nothingObserved, type Observed, tolerance, warningsOf } from './observed.js';
import { type Queries, Target } from './target.js';
import { blind, SampleWatch } from './watch.js';

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
  /** What the attack asked. */
  queries: Queries;
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
  const { x, labels } = request;
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
    let run: Run | undefined;
    if (attacked.length > 0) {
      run = new Run(network, spec, pick(x, attacked, size), goal.subset(attacked), epsilon, request);
      const steps = run.start(source);
      let next = steps.next();
      for (; !next.done; next = steps.next()) {
        const now = performance.now();
        const due = next.value !== undefined && now - reported > pause;
        if (due) reported = now;
        yield due ? { epsilon, done: (from + (next.value as number) * (to - from)) / labels.length } : undefined;
      }
      const places = attacked.map((i) => i - from);
      put(raw, places, next.value, size);
      plain.queries.forward += run.target.queries.forward;
      plain.queries.backward += run.target.queries.backward;
      plain.gradingQueries.forward += run.graded;
    }
    const chunk = all(to - from).map((i) => from + i);
    for (const result of group) {
      const { epsilon: radius } = result.plain;
      const grades = yield* grade(network, ball, goal.subset(chunk), original, raw, radius);
      result.take(from, raw, grades, minimal);
      if (run === undefined) continue;
      const broken = attacked.map((i) => grades.success[i - from]);
      // An attack of minimum norm was asked for no ball.
      const outside = minimal ? beyondBox(raw) : grades.outside;
      const observed = run.observed(broken, radius, outside);
      result.plain.observed = addObserved(result.plain.observed, observed, attacked);
    }
  }
  const seconds = (performance.now() - begun) / 1000;
  for (const { plain } of group) {
    plain.seconds = seconds;
    plain.warnings = warningsOf(spec.type, labels.length, plain.observed);
  }
  yield { epsilon, done: 1 };
}

/** An attack on the samples of one batch, none of which is at its goal, and what is seen of it. */
class Run {
  readonly target: Target;
  /** Samples that were graded inside the attack. */
  graded = 0;
  readonly #watch: SampleWatch;
  readonly #epsilon: number;
  readonly #said = new Set<string>();
  readonly #failures = new Map<string, Set<number>>();
  readonly #stages: AttackStage[] = [];

  constructor(
    private readonly network: Network,
    private readonly spec: AttackSpec,
    private readonly x: Float32Array,
    goal: Goal,
    epsilon: number,
    private readonly request: Pick<AttackRequest, 'seed' | 'maxQueries'>,
  ) {
    const minimal = traitsOf(spec).family === 'minimal';
    this.#epsilon = minimal ? Number.POSITIVE_INFINITY : epsilon;
    this.#watch = new SampleWatch(goal, x, balls[normOf(spec)], minimal ? 0 : epsilon + tolerance);
    this.target = new Target(network, goal, request.maxQueries ?? Number.POSITIVE_INFINITY, this.#watch);
  }

  *start(source: (id: string) => Network): ReturnType<typeof start> {
    const { network, spec, x, target, request } = this;
    let sourced = false;
    const candidates = yield* start(spec, {
      network,
      x,
      target,
      epsilon: this.#epsilon,
      seed: request.seed,
      attempt: 0,
      warn: (message) => this.#said.add(message),
      failed: (i, reason) => this.#fail(i, reason),
      stage: (done) => this.#stages.push(done),
      graded: (count) => {
        this.graded += count;
      },
      source: (id) => {
        sourced = true;
        return source(id);
      },
    });
    // Candidates that were made without a look at any model are noise, unless that is what the attack is.
    if (!sourced && traitsOf(spec).gradient !== 'none') {
      for (const i of target.goal.classes.keys()) if (target.asked(i) === 0) this.#fail(i, 'no query was made');
    }
    return candidates;
  }

  #fail(i: number, reason: string): void {
    const samples = this.#failures.get(reason) ?? new Set<number>();
    this.#failures.set(reason, samples.add(i));
  }

  /** What is known once it is graded which of the samples are broken within a radius. */
  observed(broken: readonly boolean[], epsilon: number, outside: number): Observed {
    // Who is broken was attacked, whatever a stage or a run before it could not do.
    const failures = [...this.#failures].map(([reason, samples]) => ({
      reason,
      samples: [...samples].filter((i) => !broken[i]),
    }));
    return {
      said: [...this.#said],
      attacked: broken.length,
      failures: failures.filter(({ samples }) => samples.length > 0),
      stages: this.#stages,
      diagnostics: this.#watch.diagnostics(broken, epsilon),
      outside,
    };
  }
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
      gradingQueries: { forward: 0, backward: 0 },
      seconds: 0,
      warnings: [],
      observed: nothingObserved,
    };
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
