/**
 * What a journal of Optuna's says, by Optuna's own rules: the first claim of a trial holds until the trial waits again, and
 * one that has ended never changes. So it does not matter who else has the file open.
 */

/** Operations, by their numbers in the file. */
export const operations = {
  createStudy: 0,
  setStudyUserAttribute: 2,
  createTrial: 4,
  setTrialState: 6,
  setIntermediateValue: 7,
  setUserAttribute: 8,
} as const;

/** States of a trial, by their numbers in the file. */
export const states = { running: 0, complete: 1, pruned: 2, failed: 3, waiting: 4 } as const;
export type State = (typeof states)[keyof typeof states];

/** A larger objective is better, in a study's list of directions. */
export const maximize = 2;

export interface Trial {
  /** Counts all trials of the file, and those of its study. */
  id: number;
  number: number;
  state: State;
  value: number | undefined;
  /** By step, ascending. */
  intermediate: Map<number, number>;
  attributes: Record<string, unknown>;
  /** Who runs it, or ran it last. */
  owner: string | undefined;
  /** How often it was begun. */
  starts: number;
  /** ISO 8601 */
  begun: string | undefined;
  ended: string | undefined;
}

export interface Study {
  name: string;
  attributes: Record<string, unknown>;
  trials: Trial[];
}

interface Line {
  op_code: number;
  worker_id: string;
  study_id: number;
  study_name: string;
  trial_id: number;
  state?: State;
  values: number[] | null;
  step: number;
  intermediate_value: number;
  user_attr: Record<string, unknown>;
  user_attrs?: Record<string, unknown>;
  datetime_start?: string | null;
  datetime_complete?: string;
}

export function isOver({ state }: Pick<Trial, 'state'>): boolean {
  return state === states.complete || state === states.pruned || state === states.failed;
}

export class Replay {
  readonly studies: Study[] = [];
  readonly #trials: Trial[] = [];

  apply(value: unknown): void {
    const line = value as Line;
    switch (line.op_code) {
      case operations.createStudy:
        if (this.study(line.study_name) === undefined) {
          this.studies.push({ name: line.study_name, attributes: {}, trials: [] });
        }
        break;
      case operations.setStudyUserAttribute:
        Object.assign(this.studies[line.study_id]?.attributes ?? {}, line.user_attr);
        break;
      case operations.createTrial:
        this.#create(line);
        break;
      case operations.setTrialState:
        this.#change(line, (trial) => setState(trial, line));
        break;
      case operations.setIntermediateValue:
        this.#change(line, (trial) => trial.intermediate.set(line.step, line.intermediate_value));
        break;
      case operations.setUserAttribute:
        this.#change(line, (trial) => Object.assign(trial.attributes, line.user_attr));
        break;
      // Whatever else Optuna may keep there is none of ours.
    }
  }

  study(name: string): Study | undefined {
    return this.studies.find((study) => study.name === name);
  }

  #create(line: Line): void {
    const study = this.studies[line.study_id];
    if (study === undefined) return;
    const trial: Trial = {
      id: this.#trials.length,
      number: study.trials.length,
      state: line.state ?? states.running,
      value: undefined,
      intermediate: new Map(),
      attributes: { ...line.user_attrs },
      owner: undefined,
      starts: 0,
      begun: undefined,
      ended: undefined,
    };
    this.#trials.push(trial);
    study.trials.push(trial);
  }

  #change({ trial_id }: Line, change: (trial: Trial) => unknown): void {
    const trial = this.#trials[trial_id];
    if (trial !== undefined && !isOver(trial)) change(trial);
  }
}

function setState(trial: Trial, { state, values, worker_id, datetime_start, datetime_complete }: Line): void {
  if (state === undefined || (state === states.running && trial.state === states.running)) return;
  trial.state = state;
  if (values !== null) trial.value = values[0];
  if (state === states.running) {
    trial.owner = worker_id;
    trial.starts++;
    trial.begun = datetime_start ?? undefined;
  }
  if (isOver(trial)) trial.ended = datetime_complete;
}
