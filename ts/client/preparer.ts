/** A worker that augments samples while the engine computes, where memory can be shared; elsewhere the engine does both. */
import { platform } from '#platform';
import { isShared } from '../base/arrays.js';
import type { DatasetFields } from '../data/dataset.js';
import type { Role } from '../engine/protocol.js';
import type { WorkerHandle, WorkerProgram } from '../platform/platform.js';
import { createRing } from '../train/ring.js';
import type { FitSpec } from '../train/spec.js';

export class Preparer {
  private constructor(
    /** Where it puts batches. */
    readonly ring: SharedArrayBuffer,
    private readonly worker: Promise<WorkerHandle>,
  ) {}

  /**
   * Nothing when there is nothing to prepare, or no way to hand it over.
   *
   * @param program of the runtime's workers.
   */
  static start(program: WorkerProgram, train: DatasetFields, spec: FitSpec): Preparer | undefined {
    if (spec.augment === undefined || !isShared(train.images)) return undefined;
    const ring = createRing(train, spec.batchSize);
    const { augment, batchSize, seed, epochs } = spec;
    const role: Role = { role: 'preparer', train, spec: { augment, batchSize, seed, epochs }, ring };
    // Should it die later, the engine goes on by itself.
    const worker = platform.spawn('a worker that prepares samples', program, role, () => {});
    worker.catch(() => {});
    return new Preparer(ring, worker);
  }

  /** Ends it; says why it never began, if so. */
  async end(): Promise<string | undefined> {
    try {
      await (await this.worker).terminate();
      return undefined;
    } catch (error) {
      return `samples were prepared by the engine alone: ${(error as Error).message}`;
    }
  }
}
