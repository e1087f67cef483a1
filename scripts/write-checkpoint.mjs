// node scripts/write-checkpoint.mjs: writes test/fixtures/checkpoint-1.safetensors, the file of today that later versions of
// the package have to load, and the weights that a run ends with that goes on from it. Run it for a new version of the
// format, under a new name; what is committed stays.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRuntime } from '../dist/index.js';
import { runs, spec, train } from './lib/runs.mjs';
import { root } from './lib/steps.mjs';

const name = 'moving average, clipped, smoothed, one cycle';
const folder = mkdtempSync(path.join(tmpdir(), 'kwta-fixture-'));
const runtime = await createRuntime({ threads: 1, deterministic: true });
try {
  const file = path.join(folder, 'run');
  const model = await runtime.model(spec, { seed: 3 });
  await model.fit(train, { ...runs[name], checkpoint: { path: file, everySteps: 1, keep: 100 } });
  const fixtures = path.join(root, 'test/fixtures');
  // In the midst of the second epoch.
  writeFileSync(path.join(fixtures, 'checkpoint-1.safetensors'), readFileSync(`${file}-8`));
  await model.save(path.join(fixtures, 'checkpoint-1-final.safetensors'));
} finally {
  await runtime.dispose();
  rmSync(folder, { recursive: true });
}
