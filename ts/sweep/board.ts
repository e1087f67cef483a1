/**
 * The jobs of a sweep as all workers see them: who does which, what came of it, and what is to be done next. Every decision is
 * made on the journal while nobody else writes, so that each job is given to one worker at a time, and each result counts once.
 */
import { ConfigError } from '../index.js';
import { type Candidate, type Next, nextRungs, type Rung } from './halving.js';
import type { Log } from './log.js';
import type { Pulse } from './pulse.js';
import { isOver, maximize, operations, Replay, type Study, states, type Trial } from './replay.js';

/** A trial that is to be made. */
export interface PlannedTrial {
  /** Options by their place: `train.optimizer.lr`. */
  options: Record<string, unknown>;
  seed: number;
  /** Trials that differ in nothing but the seed have the same. */
  group: number;
  /** Optuna's distribution of each option, and the value in it. */
  parameters: Record<string, { distribution: string; value: number }>;
}

/** What a worker is to do. */
export interface Job {
  trial: Trial;
  /** Which of the rungs of a halving; 0 in other searches. */
  rung: number;
}

export interface BoardOptions {
  name: string;
  /** Hash of all that makes a sweep this one. */
  sweep: string;
  log: Log;
  pulse: Pulse;
  /** Of this process. */
  worker: string;
  rungs: readonly Rung[];
  /** Milliseconds. */
  now?: () => number;
  /** Milliseconds without a sign of life after which a worker's job is given to another. */
  patience?: number;
}

/** A job whose workers died so often kills them. */
const mostStarts = 20;

export class Board {
  readonly #replay = new Replay();
  readonly #seen = new Map<string, { sign: string | undefined; since: number }>();
  #left: Trial[] | undefined;
  readonly #now: () => number;

  constructor(private readonly options: BoardOptions) {
    this.#now = options.now ?? (() => performance.now());
  }

  /** Makes the trials, unless they are there. @throws {ConfigError} when the journal is another sweep's. */
  async open(trials: readonly PlannedTrial[]): Promise<void> {
    const { log, name, sweep } = this.options;
    await log.exclusive(() => {
      this.#read();
      const known = this.#replay.study(name);
      if (known === undefined) {
        const study = this.#replay.studies.length;
        const attribute = { study_id: study, user_attr: { 'kwta.sweep': sweep } };
        this.#append([
          { op_code: operations.createStudy, study_name: name, directions: [maximize] },
          { op_code: operations.setStudyUserAttribute, ...attribute },
          ...trials.map((trial) => this.#creation(study, trial)),
        ]);
      } else if (known.attributes['kwta.sweep'] !== sweep || known.trials.length < trials.length) {
        throw new ConfigError(
          `the journal has a sweep '${name}' already that was made from other options (or by another version): give the sweep ` +
            'another name or folder',
        );
      }
    });
  }

  /** As of the last look at the journal. */
  get trials(): readonly Trial[] {
    return this.#study.trials;
  }

  refresh(): void {
    this.#read();
  }

  /**
   * The next job that is `mine`, which is this worker's from now on; `'wait'` while others work on what decides what comes next
   * or may leave their jobs, and `'done'` when there will be none.
   */
  async claim(mine: (trial: Trial) => boolean = () => true): Promise<Job | 'wait' | 'done'> {
    return this.options.log.exclusive(() => {
      this.#read();
      const next = this.#decide();
      const own = this.#open.filter((trial) => mine(trial));
      for (const trial of own) {
        const rung = next(trial);
        if (typeof rung !== 'number') continue;
        if (trial.state === states.running && !this.#isLeft(trial)) continue;
        if (trial.starts >= mostStarts) {
          this.#append(
            this.#ending(trial, states.failed, undefined, { error: `${trial.starts} workers died over it` }),
          );
          continue;
        }
        const date = new Date().toISOString();
        const change = { op_code: operations.setTrialState, trial_id: trial.id, values: null };
        this.#append([
          ...(trial.state === states.running ? [{ ...change, state: states.waiting }] : []),
          { ...change, state: states.running, datetime_start: date },
        ]);
        if (trial.owner === this.options.worker) return { trial, rung };
      }
      return own.length > 0 ? 'wait' : 'done';
    });
  }

  /** Whether the job is still this worker's: another may have it, if this one seemed dead. */
  owns({ trial }: Job): boolean {
    this.#read();
    return trial.state === states.running && trial.owner === this.options.worker;
  }

  /**
   * What came of a job. Counts once, whoever brings it: who lost the job to another has made the same.
   *
   * @param value of the objective.
   */
  async report({ trial, rung }: Job, value: number, attributes: Record<string, unknown>): Promise<void> {
    const { log, rungs } = this.options;
    await log.exclusive(() => {
      this.#read();
      if (isOver(trial) || trial.intermediate.size > rung) return;
      this.#append([
        ...(rungs.length > 1 ? [this.#intermediate(trial, rungs[rung].epochs, value)] : []),
        ...(rung < rungs.length - 1
          ? [...this.#attributes(trial, attributes), this.#waiting(trial)]
          : this.#ending(trial, states.complete, value, attributes)),
      ]);
    });
  }

  /** The job cannot be done, by anybody. */
  async fail({ trial }: Job, error: string): Promise<void> {
    await this.options.log.exclusive(() => {
      this.#read();
      if (isOver(trial) || trial.owner !== this.options.worker) return;
      this.#append(this.#ending(trial, states.failed, undefined, { error }));
    });
  }

  /** Gives a job back, for whoever comes next. */
  async release(job: Job): Promise<void> {
    await this.options.log.exclusive(() => {
      if (this.owns(job)) this.#append([this.#waiting(job.trial)]);
    });
  }

  get #study(): Study {
    return this.#replay.study(this.options.name) as Study;
  }

  #read(): void {
    for (const line of this.options.log.read()) this.#replay.apply(line);
  }

  #append(lines: readonly object[]): void {
    if (lines.length === 0) return;
    this.options.log.append(lines.map((line) => ({ ...line, worker_id: this.options.worker })));
    this.#read();
  }

  #creation(study: number, { options, seed, group, parameters }: PlannedTrial): object {
    const entries = Object.entries(parameters);
    return {
      op_code: operations.createTrial,
      study_id: study,
      datetime_start: null,
      state: states.waiting,
      value: null,
      values: null,
      distributions: Object.fromEntries(entries.map(([key, { distribution }]) => [key, distribution])),
      params: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
      user_attrs: { options, seed, group },
      system_attrs: {},
      intermediate_values: {},
    };
  }

  #waiting({ id }: Trial): object {
    return { op_code: operations.setTrialState, trial_id: id, state: states.waiting, values: null };
  }

  #intermediate({ id }: Trial, step: number, value: number): object {
    return { op_code: operations.setIntermediateValue, trial_id: id, step, intermediate_value: value };
  }

  #attributes({ id }: Trial, attributes: Record<string, unknown>): object[] {
    return Object.entries(attributes).map(([key, value]) => ({
      op_code: operations.setUserAttribute,
      trial_id: id,
      user_attr: { [key]: value },
    }));
  }

  #ending(trial: Trial, state: number, value?: number, attributes: Record<string, unknown> = {}): object[] {
    const values = value === undefined ? null : [value];
    const date = new Date().toISOString();
    return [
      ...this.#attributes(trial, attributes),
      { op_code: operations.setTrialState, trial_id: trial.id, state, values, datetime_complete: date },
    ];
  }

  /** Trials that are not over: few of many, in the end. */
  get #open(): readonly Trial[] {
    this.#left = (this.#left ?? [...this.trials]).filter((trial) => !isOver(trial));
    return this.#left;
  }

  /** Ends those that a halving leaves behind. @returns what comes next for each of the others. */
  #decide(): (trial: Trial) => Next {
    const { rungs } = this.options;
    if (rungs.length === 1) return () => 0;
    const candidates = this.trials.map(
      (trial): Candidate => ({
        group: trial.attributes.group as number,
        values: rungs.slice(0, trial.intermediate.size).map(({ epochs }) => trial.intermediate.get(epochs) as number),
        failed: trial.state === states.failed,
      }),
    );
    const next = nextRungs(candidates, rungs);
    const behind = this.#open.filter(({ number }) => next[number] === 'pruned');
    this.#append(behind.flatMap((trial) => this.#ending(trial, states.pruned)));
    return ({ number }) => next[number];
  }

  /** Whether the worker of a running trial is gone, or has given no sign for too long as seen from here. */
  #isLeft({ owner }: Trial): boolean {
    if (owner === undefined) return true;
    if (owner === this.options.worker) return false;
    const { pulse, patience = 30_000 } = this.options;
    if (pulse.isGone(owner)) return true;
    const sign = pulse.sign(owner);
    const seen = this.#seen.get(owner);
    if (seen === undefined || seen.sign !== sign) {
      this.#seen.set(owner, { sign, since: this.#now() });
      return false;
    }
    return this.#now() - seen.since >= patience;
  }
}
