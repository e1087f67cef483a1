/** The engine's methods that look inside a model: jobs that change nothing. */
import { type AnalysisProgress, findJumps } from '../analysis/jumps.js';
import type { Network } from '../graph/network.js';
import type { Jobs } from './jobs.js';
import type { Engine, JobHandle } from './protocol.js';

/** @param modelOf finds a model, or throws. */
export function analysisCalls(modelOf: (id: string) => Network, jobs: Jobs): Pick<Engine, 'jumps'> {
  const run = <Result>(
    name: string,
    model: string,
    job: JobHandle,
    start: (network: Network) => Generator<AnalysisProgress, Result, void>,
  ): Promise<Result> => {
    const network = modelOf(model);
    return jobs.run(
      job,
      { name, models: [model], alone: false },
      () => start(network),
      (progress) => progress,
    );
  };
  return {
    jumps: (model, request, job) => run('jumps', model, job, (network) => findJumps(network, request)),
  };
}
