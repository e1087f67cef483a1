/**
 * One run of an attack on some samples, and what is seen of it. A sample whose answers are no numbers ends the run of all
 * with it; these are run again without it, and since a sample's result does not depend on the others, to the same bits.
 */
import { DivergedError } from '../../base/errors.js';
import type { Network } from '../../graph/network.js';
import { type AttackSpec, normOf, traitsOf } from '../table.js';
import { type AttackStage, all, asPart, pick } from './attack.js';
import { start } from './batch.js';
import type { Goal } from './goal.js';
import { balls } from './norms.js';
import { notNumbers, type Observed, tolerance } from './observed.js';
import { Target } from './target.js';
import { SampleWatch } from './watch.js';

/** What an attack is run on, and how. */
export interface Attacked {
  network: Network;
  spec: AttackSpec;
  /** `[n, size]` of samples that are not at their goals. */
  x: Float32Array;
  goal: Goal;
  epsilon: number;
  seed: number;
  maxQueries: number | undefined;
}

/** A run that is over: the samples that it was of, by their places among all, and their candidates. */
export interface Ended {
  run: Run;
  places: readonly number[];
  candidates: Float32Array;
}

/** Attacks samples together, and those apart where the model's answers are no numbers. */
export function* attackTogether(
  attacked: Attacked,
  source: (id: string) => Network,
  places: readonly number[] = all(attacked.goal.classes.length),
): Generator<number | undefined, Ended[], void> {
  const { network, goal } = attacked;
  const x = places.length === goal.classes.length ? attacked.x : pick(attacked.x, places, network.sampleSize);
  const run = new Run({ ...attacked, x, goal: goal.subset(places) });
  try {
    return [{ run, places, candidates: yield* run.start(source) }];
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    if (places.length === 1) {
      run.diverge(error);
      return [{ run, places, candidates: x }];
    }
  }
  const half = places.length >> 1;
  return [
    ...(yield* asPart(attackTogether(attacked, source, places.slice(0, half)), 0, 2)),
    ...(yield* asPart(attackTogether(attacked, source, places.slice(half)), 1, 2)),
  ];
}

/** An attack on samples, and what is seen of it. */
export class Run {
  readonly target: Target;
  /** Samples that were graded inside the attack. */
  graded = 0;
  readonly #watch: SampleWatch;
  readonly #epsilon: number;
  readonly #said = new Set<string>();
  readonly #failures = new Map<string, Set<number>>();
  readonly #stages: AttackStage[] = [];

  constructor(private readonly attacked: Attacked) {
    const { network, spec, x, goal, epsilon, maxQueries } = attacked;
    const minimal = traitsOf(spec).family === 'minimal';
    this.#epsilon = minimal ? Number.POSITIVE_INFINITY : epsilon;
    this.#watch = new SampleWatch(goal, x, balls[normOf(spec)], minimal ? 0 : epsilon + tolerance);
    this.target = new Target(network, goal, maxQueries ?? Number.POSITIVE_INFINITY, this.#watch);
  }

  *start(source: (id: string) => Network): ReturnType<typeof start> {
    const { target } = this;
    const { network, spec, x, seed } = this.attacked;
    let sourced = false;
    const candidates = yield* start(spec, {
      network,
      x,
      target,
      epsilon: this.#epsilon,
      seed,
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

  /** The one sample could not be attacked. */
  diverge({ message }: DivergedError): void {
    this.#said.add(message);
    this.#fail(0, notNumbers);
  }

  #fail(i: number, reason: string): void {
    const samples = this.#failures.get(reason) ?? new Set<number>();
    this.#failures.set(reason, samples.add(i));
  }

  /**
   * What is known once it is graded which of the samples are broken within a radius.
   *
   * @param ungraded those whose candidates the model answered with NaN, and what was said of it.
   */
  observed(broken: readonly boolean[], epsilon: number, outside: number, ungraded: Ungraded): Observed {
    const reasons = new Map(this.#failures);
    if (ungraded.samples.length > 0) {
      reasons.set(notNumbers, new Set([...(reasons.get(notNumbers) ?? []), ...ungraded.samples]));
    }
    // Who is broken was attacked, whatever a stage or a run before it could not do.
    const failures = Array.from(reasons, ([reason, samples]) => ({
      reason,
      samples: [...samples].filter((i) => !broken[i]),
    }));
    return {
      said: [...this.#said, ...ungraded.said],
      attacked: broken.length,
      failures: failures.filter(({ samples }) => samples.length > 0),
      stages: this.#stages,
      diagnostics: this.#watch.diagnostics(broken, epsilon),
      outside,
    };
  }
}

/** Samples that could not be graded. */
export interface Ungraded {
  samples: readonly number[];
  said: readonly string[];
}
