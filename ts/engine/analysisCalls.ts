/** The engine's methods that look inside a model: jobs that change nothing. */
import { findJumps } from '../analysis/jumps.js';
import { drawLandscape } from '../analysis/landscape.js';
import { countLinearRegions } from '../analysis/linearRegions.js';
import { measurePatternChange } from '../analysis/patternChange.js';
import type { AnalysisProgress } from '../analysis/progress.js';
import type { Network } from '../graph/network.js';
import type { Jobs } from './jobs.js';
import type { Engine, JobHandle } from './protocol.js';

/** @param modelOf finds a model, or throws. */
export function analysisCalls(
  modelOf: (id: string) => Network,
  jobs: Jobs,
): Pick<Engine, 'jumps' | 'landscape' | 'linearRegions' | 'patternChange'> {
  /** The method called `name`, which is a job of these steps. */
  const method =
    <Request, Result>(
      name: string,
      steps: (network: Network, request: Request) => Generator<AnalysisProgress, Result, void>,
    ) =>
    (model: string, request: Request, job: JobHandle): Promise<Result> => {
      const network = modelOf(model);
      return jobs.run(
        job,
        { name, models: [model], alone: false },
        () => steps(network, request),
        (progress) => progress,
      );
    };
  return {
    jumps: method('jumps', findJumps),
    landscape: method('landscape', drawLandscape),
    linearRegions: method('linearRegions', countLinearRegions),
    patternChange: method('patternChange', measurePatternChange),
  };
}
