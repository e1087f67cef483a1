/** onnxruntime-web on its WebAssembly backend. Usage: web.mjs THREADS */
import * as ort from 'onnxruntime-web';
import { serve } from '../protocol.mjs';
import { onnxTasks } from './tasks.mjs';

ort.env.wasm.numThreads = Number(process.argv[2]);

await serve(
  { 'onnxruntime-web': ort.env.versions.web ?? 'unknown', node: process.version },
  onnxTasks(ort, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' }),
);
process.exit(); // its threads wait for ever
