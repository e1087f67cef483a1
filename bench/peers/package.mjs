/**
 * The package as it is shipped: its raw kernels, and whole steps through its public API. Usage: package.mjs THREADS
 */
import { createRuntime } from '../../dist/index.js';
import { kernelTasks, startKernels } from './packageKernels.mjs';
import { step } from './packageSteps.mjs';
import { serve } from './protocol.mjs';

const threads = Number(process.argv[2]);
const runtime = await createRuntime({ threads });
const { variant } = runtime.info;
const kernels = await startKernels(variant, threads);

await serve({ node: process.version, variant }, { ...kernelTasks(kernels), step: (spec) => step(runtime, spec) });
process.exit(); // the pool waits for ever
