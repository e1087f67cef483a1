/** What the page and the table of a sweep show, from its board. */
import { concurrency } from '../../platform/processors.js';
import type { SweepTrial, SweepView, TrialState } from '../../report/sweep.js';
import type { Board } from '../../sweep/board.js';
import type { SweepPlan } from '../../sweep/plan.js';
import { states } from '../../sweep/replay.js';
import { pageEvery } from '../train/pageWriter.js';
import { versions } from '../version.js';

const names = Object.fromEntries(
  Object.entries(states).map(([name, number]) => [number, name as TrialState]),
) as Record<number, TrialState>;

export function viewOf({ config, figures, folder }: SweepPlan, board: Board, live: boolean): SweepView {
  const trials = board.trials.map((trial): SweepTrial => {
    const { attributes, intermediate } = trial;
    return {
      number: trial.number,
      state: names[trial.state],
      options: attributes.options as SweepTrial['options'],
      seed: attributes.seed as number,
      value: trial.value ?? [...intermediate.values()].at(-1),
      figures: (attributes.figures ?? {}) as SweepTrial['figures'],
      hash: attributes.hash as string | undefined,
      error: attributes.error as string | undefined,
    };
  });
  return {
    name: config.name,
    search: config.search.type,
    figures,
    trials,
    live,
    every: pageEvery,
    folder,
    versions: versions(),
    written: new Date(),
  };
}

/** Processors of each of so many workers. */
export function threadsOf(workers: number): number {
  return Math.max(1, Math.floor(concurrency() / workers));
}
