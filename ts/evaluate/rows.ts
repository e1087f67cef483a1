/** What attacks found, put together from chunks of samples, and what follows from it. */
import { addObserved, nothingObserved, type Observed, warningsOf } from '../attacks/core/observed.js';
import type { Queries } from '../attacks/core/target.js';
import { traitsOf } from '../attacks/table.js';
import type { PlannedAttack } from './plan.js';
import type { AttackReport } from './report.js';
import { accuracyOf } from './statistics.js';

/** What an attack found at one epsilon on some samples; plain data, but for images. */
export interface Part {
  /** Class given to each. */
  predictions: number[];
  queries: Queries;
  seconds: number;
  observed: Observed;
  eightBit: AttackReport['eightBit'];
  /** Those of these samples, by their places, that this attack broke first, and what it made of them. */
  broken: number[];
  images?: Float32Array;
}

/** One attack at one epsilon, as it goes from chunk to chunk. */
export class Row {
  readonly predictions: number[];
  readonly #queries: Queries = { forward: 0, backward: 0 };
  readonly #eightBit = { adversarials: 0, remaining: 0 };
  #seconds = 0;
  #seen = 0;
  #observed: Observed = nothingObserved;

  /** @param labels of all samples of the report. */
  constructor(
    readonly planned: PlannedAttack,
    readonly epsilon: number,
    private readonly labels: readonly number[],
  ) {
    this.predictions = new Array<number>(labels.length).fill(-1);
  }

  /**
   * @param samples the numbers of those whose predictions the part has.
   * @param given of those that the attack was given, of which the others are none of this row's.
   */
  take(part: Part, samples: readonly number[], given: readonly number[]): void {
    for (const [at, i] of samples.entries()) this.predictions[i] = part.predictions[at];
    this.#queries.forward += part.queries.forward;
    this.#queries.backward += part.queries.backward;
    this.#eightBit.adversarials += part.eightBit.adversarials;
    this.#eightBit.remaining += part.eightBit.remaining;
    this.#seconds += part.seconds;
    this.#seen += samples.length;
    this.#observed = addObserved(this.#observed, part.observed, given);
  }

  report(): AttackReport {
    const { name, attack, scope } = this.planned;
    // In an order that does not depend on how the samples came.
    const observed = {
      ...this.#observed,
      said: [...this.#observed.said].sort(),
      failures: ordered(this.#observed.failures),
    };
    const { attacked, failures, stages, diagnostics } = observed;
    return {
      name,
      epsilon: this.epsilon,
      gradient: traitsOf(attack).gradient,
      scope,
      seen: this.#seen,
      attacked,
      ...outcome(this.predictions, this.labels),
      queries: this.#queries,
      meanQueries: meanQueries(this.#queries, attacked),
      seconds: this.#seconds,
      eightBit: this.#eightBit,
      failures,
      stages,
      diagnostics,
      warnings: warningsOf(attack.type, this.#seen, observed),
      findings: [],
      predictions: this.predictions,
    };
  }
}

/** By their first samples. */
export function ordered(failures: AttackReport['failures']): AttackReport['failures'] {
  const each = failures.map(({ reason, samples }) => ({ reason, samples: [...samples].sort((a, b) => a - b) }));
  return each.sort((a, b) => a.samples[0] - b.samples[0] || (a.reason < b.reason ? -1 : 1));
}

/** What follows from the classes given to adversarial samples. */
export function outcome(predictions: readonly number[], labels: readonly number[]) {
  const survived = predictions.map((prediction, i) => prediction === labels[i]);
  return { ...accuracyOf(survived.filter(Boolean).length, labels.length), survived };
}

/** Queries by sample that was attacked. */
export function meanQueries({ forward, backward }: Queries, attacked: number): number {
  return attacked === 0 ? 0 : (forward + backward) / attacked;
}
