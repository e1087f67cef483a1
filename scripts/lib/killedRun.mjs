// One process that is to be killed: node killedRun.mjs FOLDER NAME goes on with a run where its checkpoint is, or begins it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createRuntime } from '../../dist/index.js';
import { runs, spec, train } from './runs.mjs';

const [folder, name] = process.argv.slice(2);
const file = path.join(folder, 'run.safetensors');
const runtime = await createRuntime({ threads: 1, deterministic: true });
const model = await runtime.model(spec, { seed: 3 });
const checkpoint = { path: file, everySteps: 1, keep: 3, best: true };
const resumeFrom = existsSync(file) ? file : undefined;
console.log('ready');
// A line for each step, by which the other process knows how far this one is.
for await (const { type } of model.fit(train, { ...runs[name], checkpoint, resumeFrom })) console.log(type);
await model.save(path.join(folder, 'final.safetensors'));
await runtime.dispose();
