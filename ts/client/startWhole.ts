/** A runtime whose kernels and workers are files beside the package's code. */
import { platform } from '#platform';
import { ownWorker } from '#worker';
import { wasmUrl } from '../kernels/files.js';
import type { Runtime, RuntimeOptions } from './runtime.js';
import { startRuntime } from './start.js';

/** See `createRuntime` in whole.ts. */
export function start(options: RuntimeOptions): Promise<Runtime> {
  return startRuntime({ compile: (variant) => platform.compile(wasmUrl(variant)), program: ownWorker }, options);
}
