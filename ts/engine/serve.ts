/** What a new worker does, whichever platform it runs on: it becomes the engine, one thread of its
 * team, or prepares batches for it. */
import * as comlink from 'comlink';
import { loadKernels, takePanicMessage } from '../kernels/load.js';
import { prepareBatches } from '../train/ring.js';
import { createEngine, withReplies } from './engine.js';
import { Jobs } from './jobs.js';
import type { Role } from './protocol.js';

/** Takes the role that the first message gives. A thread of the team never returns. */
export async function serve(role: Role, endpoint: comlink.Endpoint, ready: () => void): Promise<void> {
  if (role.role === 'engine') {
    const jobs = new Jobs();
    comlink.expose(withReplies(createEngine(jobs), jobs, takePanicMessage), endpoint);
    ready();
    return;
  }
  if (role.role === 'preparer') {
    ready();
    prepareBatches(role);
    return;
  }
  const { exports } = await loadKernels(role.variant, role.module, role.memory);
  ready();
  exports.join_team();
}
