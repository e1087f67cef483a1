/** onnxruntime-node on the CPU. Usage: node.mjs THREADS */
import ort from 'onnxruntime-node';
import { serve } from '../protocol.mjs';
import { onnxTasks } from './tasks.mjs';

const threads = Number(process.argv[2]);

await serve(
  { 'onnxruntime-node': ort.env.versions.node ?? 'unknown', node: process.version },
  onnxTasks(ort, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  }),
);
