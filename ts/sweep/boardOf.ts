/** The board of a plan, with its journal and the signs of life in the folder of the sweep. */
import { Board } from './board.js';
import { LogFile } from './log.js';
import type { SweepPlan } from './plan.js';
import { PulseFiles } from './pulse.js';
import type { Workspace } from './workspace.js';

/** As `worker` sees it. @param workspace whose folders are there. */
export function boardOf({ config, hash, rungs }: SweepPlan, workspace: Workspace, worker: string): Board {
  const log = new LogFile(workspace.journal);
  return new Board({ name: config.name, sweep: hash, log, pulse: new PulseFiles(workspace.alive), worker, rungs });
}
