// node scripts/weights/collect.mjs FOLDER.sweep ... --out DIR [--update]
// The networks of examples/sweeps/weights-*.yaml as a release carries them: NAME.safetensors, and NAME.json, its report. In the models
// is said how they were trained, but nothing of the machine, so that their bytes are the same wherever the sweep was run. They are held
// against examples/weights.sha256 (for `sha256sum --check`); --update writes what is new there.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { trialsOf } from '../lib/journal.mjs';
import { Failure, main, note, root } from '../lib/steps.mjs';

const { values: options, positionals: folders } = parseArgs({
  options: { out: { type: 'string' }, update: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const sumsFile = path.join(root, 'examples/weights.sha256');

await main(async () => {
  const { out, update } = options;
  if (folders.length === 0 || out === undefined) throw new Failure('expected folders of sweeps and --out DIR');
  await build();
  const { createRuntime } = await import('../../dist/index.js');
  const { decodeModel } = await import('../../dist/io/checkpoint.js');
  const { Workspace } = await import('../../dist/sweep/workspace.js');
  const trials = [];
  for (const folder of folders) {
    const workspace = new Workspace(folder);
    for (const { number, attributes } of await trialsOf(folder)) {
      const { hash, run } = /** @type {{ hash?: string, run?: string }} */ (attributes);
      if (hash === undefined || run === undefined) throw new Failure(`${folder}: trial ${number} is not done`);
      trials.push({ source: path.join(workspace.run(run), 'model.safetensors'), report: workspace.report(hash) });
    }
  }
  const known = new Map(readSums());
  const problems = [];
  mkdirSync(out, { recursive: true });
  const runtime = await createRuntime({ threads: 1, deterministic: true });
  for (const { source, report } of trials) {
    const about = aboutOf(decodeModel(source, readFileSync(source)).about);
    const name = [about.data, about.model.type, about.model.activation.type, about.regime.type].join('-').toLowerCase();
    const file = path.join(out, `${name}.safetensors`);
    const model = await runtime.load(source);
    await model.save(file, { about });
    await model.dispose();
    copyFileSync(report, path.join(out, `${name}.json`));
    const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
    note(`${sum}  ${path.basename(file)}`);
    if (update) known.set(path.basename(file), sum);
    else if (known.get(path.basename(file)) !== sum) problems.push(`${file}: another checksum than in ${sumsFile}`);
  }
  await runtime.dispose();
  if (update) {
    const lines = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => `${sum}  ${name}\n`);
    writeFileSync(sumsFile, lines.join(''));
  }
  if (problems.length > 0) throw new Failure(problems.join('\n'));
});

/** @returns {[name: string, sum: string][]} */
function readSums() {
  if (!existsSync(sumsFile)) return [];
  const lines = readFileSync(sumsFile, 'utf8').trim().split('\n');
  return lines.map((line) => [line.slice(66), line.slice(0, 64)]);
}

/** @typedef {{ data: string, model: { type: string, activation: { type: string } }, regime: { type: string } }} About */

/**
 * How a model was trained, without where and on how many threads.
 * @param {unknown} about
 */
function aboutOf(about) {
  const { out, run, threads, data, ...rest } = /** @type {About & Record<'out' | 'run' | 'threads', unknown>} */ (
    about
  );
  return { data: path.basename(data), ...rest };
}
