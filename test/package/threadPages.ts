/** Pages that Vite builds from the tarball with the recipes of docs/threads.md, as they are written there. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'vite';
import { blocksOf } from './markdown.js';
import { writeProgram } from './program.js';
import { root } from './tarball.js';

export const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/**
 * A page that trains when it is told to: `train(epochs, { runtime, fit, leaveAt })`. What became of it stands in its body's
 * `data-state` and `data-text`; `data-begun` tells that step 5 is done, `data-first` which step was the first.
 */
export const running = `
import { createRuntime, datasets, models, nn, optim } from 'kwta';
const data = datasets.synthetic({ count: 64, seed: 1 });
const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), channels: [8, 8, 8] });
const show = (state, text) => Object.assign(document.body.dataset, { state, text });
const options = { batchSize: 16, optimizer: optim.sgd({ lr: 0.01 }) };
const hash = async (model) => JSON.stringify(Object.values(await model.stateDict()).map(({ data }) => data.reduce((a, b) => a + b, 0)));
window.train = async (epochs, more = {}) => {
  try {
    const runtime = await createRuntime({ deterministic: true, threads: 1, ...more.runtime });
    const model = await runtime.model(spec, { seed: 1 });
    const run = model.fit(data, { ...options, epochs, ...more.fit });
    for await (const event of run) {
      if (event.type !== 'batch') continue;
      document.body.dataset.first ??= event.step;
      if (event.step === 5) {
        document.body.dataset.begun = 'yes';
        // Who leaves has a first checkpoint: another is written while the page goes.
        if (more.leaveAt) {
          await run.pause();
          await run.checkpoint();
          void run.resume();
        }
      }
      if (event.step === more.leaveAt) location.replace('about:blank');
    }
    show('done', await hash(model));
  } catch (error) {
    show('failed', error.name + ': ' + error.message);
  }
};
document.body.dataset.ready = 'yes';
`;

/**
 * Builds a page beside the installed package: the program that all environments run, asking for two threads; `change` makes
 * another of it. Returns the folder to serve.
 */
export async function built(folder: string, name: string, change = (program: string) => program): Promise<string> {
  const place = path.join(folder, name);
  await mkdir(place);
  await writeProgram(place, { options: { threads: 2 } });
  const file = path.join(place, 'page.js');
  await writeFile(file, change(await readFile(file, 'utf8')));
  await writeFile(path.join(place, 'register.js'), await recipe('register.js'));
  await build({ root: place, base: './', configFile: false, logLevel: 'error', build: { target: 'esnext' } });
  return path.join(place, 'dist');
}

/** The same, isolated by a service worker. */
export async function builtWithServiceWorker(folder: string, name: string): Promise<string> {
  const place = await built(folder, name, (program) => `import './register.js';\n${program}`);
  await writeFile(path.join(place, 'isolate.js'), await recipe('isolate.js'));
  return place;
}

/** A file of the recipes. */
async function recipe(name: string): Promise<string> {
  const block = (await blocksOf('docs/threads.md')).find(({ file }) => file === name);
  if (block === undefined) throw new Error(`docs/threads.md has no file ${name}`);
  return block.code;
}

/** The headers that a section of docs/threads.md writes out. */
export async function headersOf(title: string): Promise<Record<string, string>> {
  const recipes = await readFile(path.join(root, 'docs/threads.md'), 'utf8');
  const section = recipes.split(/^## /m).find((part) => part.startsWith(title));
  const block = section?.match(/^```\n(.*?)^```$/ms)?.[1] ?? '';
  return Object.fromEntries(
    block
      .trim()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
}
