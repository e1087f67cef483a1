// The schemas of all plain data -> dist/schema/*.json, for editors and for whoever writes configuration files.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './steps.mjs';

/** Writes JSON Schemas from the compiled ones. Rules between two fields are not in them; the package checks those. */
export async function writeSchemas() {
  const { toJsonSchema } = await import('@valibot/to-json-schema');
  /** @param {string} file below dist/ */
  const built = (file) => import(pathToFileURL(path.join(root, 'dist', file)).href);
  const { modelSchema, moduleSchema } = await built('graph/containers.js');
  const { trainSchema } = await built('train/config.js');
  const reports = await built('evaluate/report.js');
  const schemas = {
    model: modelSchema,
    attack: (await built('attacks/table.js')).attackSchema,
    optimizer: (await built('train/optimizers/index.js')).optimizerSchema,
    regime: (await built('train/regimes/index.js')).regimeSchema,
    schedule: (await built('train/schedules/learningRate.js')).learningRateSchema,
    augment: (await built('train/augment/index.js')).augmentSchema,
    anneal: (await built('train/schedules/anneal.js')).annealSchema,
    train: trainSchema,
    report: reports.robustnessReportSchema,
    comparison: reports.comparisonReportSchema,
  };
  const folder = path.join(root, 'dist/schema');
  mkdirSync(folder, { recursive: true });
  for (const [name, schema] of Object.entries(schemas)) {
    const json = toJsonSchema(schema, {
      typeMode: 'input',
      definitions: name === 'model' || name === 'train' ? { module: moduleSchema } : {},
      // Whatever is written in JSON is finite.
      ignoreActions: ['finite', 'raw_check'],
    });
    writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify({ title: `kwta: ${name}`, ...json })}\n`);
  }
}
