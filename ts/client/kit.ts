/** What a runtime is made of: compiled kernels, and the program that its workers run. */
import type { Variant } from '../kernels/variant.js';
import type { WorkerProgram } from '../platform/platform.js';

export interface Kit {
  /** The one build that there is; all three when left out. */
  readonly variant?: Variant;
  compile(variant: Variant): Promise<WebAssembly.Module>;
  readonly program: WorkerProgram;
}
