/**
 * The package as it is shipped: its raw kernels, and whole steps through its public API; and the peak of the engine
 * it runs on. Usage: package.mjs THREADS PEAK.wasm RELAXED_PEAK.wasm
 */
import { createRuntime } from '../../dist/index.js';
import { platform } from '../../dist/platform/node.js';
import { ownWorker } from '../../dist/platform/ownWorker.node.js';
import { attackTask } from './packageAttacks.mjs';
import { kernelTasks, startKernels } from './packageKernels.mjs';
import { steps } from './packageSteps.mjs';
import { peakInNode } from './peak/node.mjs';
import { serve } from './protocol.mjs';

const threads = Number(process.argv[2]);
const runtime = await createRuntime({ threads });
const { variant } = runtime.info;
const kernels = await startKernels(platform, ownWorker, variant, threads);
const { peak, loaders } = await peakInNode(process.argv.slice(3), threads, variant === 'relaxed-threads');

const tasks = { ...kernelTasks(kernels), ...loaders, step: steps(runtime), attack: attackTask(kernels) };
await serve({ node: process.version, variant }, tasks, peak);
process.exit(); // the team waits for ever
