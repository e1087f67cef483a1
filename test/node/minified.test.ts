/**
 * The package as a production bundle has it, with all names of classes and functions changed, beside the copy that
 * was not bundled: errors keep code and name on their way through the worker, and are known in either copy.
 */
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as plain from 'kwta';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caught } from '../contract/support.js';
import { stripeNet, stripes } from '../contract/toys.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
let minified: typeof plain;

beforeAll(async () => {
  // Where its dependencies are found, and where nobody packs it.
  const cache = path.join(root, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  folder = await mkdtemp(path.join(cache, 'kwta-minified-'));
  const modules = ['index', 'engine/entry.node'];
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: folder,
      minify: 'oxc',
      copyPublicDir: false,
      rolldownOptions: {
        input: Object.fromEntries(modules.map((name) => [name, path.join(root, 'dist', `${name}.js`)])),
        external: [/^comlink/, /^valibot/, /^wasm-feature-detect/, /^node:/],
        // Files keep their places, so that each finds the others as before.
        output: { preserveModules: true, preserveModulesRoot: path.join(root, 'dist'), entryFileNames: '[name].js' },
      },
    },
  });
  // Modules that the code imports are in the bundle already.
  const filter = (file: string): boolean => !file.endsWith('.js');
  await cp(path.join(root, 'dist/wasm'), path.join(folder, 'wasm'), { recursive: true, filter });
  minified = (await import(pathToFileURL(path.join(folder, 'index.js')).href)) as typeof plain;
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

it('the names are really gone', async () => {
  expect(await readFile(path.join(folder, 'joined/lower.js'), 'utf8')).not.toMatch(/class (ShapeError|KwtaError)\b/);
  expect(minified.ShapeError).not.toBe(plain.ShapeError);
});

describe('errors of the engine', () => {
  it.each(['minified', 'plain'] as const)('%s', async (which) => {
    const kwta = which === 'minified' ? minified : plain;
    await using runtime = await kwta.createRuntime({ threads: 1 });
    const shape = await caught(runtime.model(kwta.nn.sequential([kwta.nn.relu()], { input: [1, 2, 2] })));
    const model = await runtime.model(stripeNet(kwta.nn.relu()));
    const big = { shape: [1, 1, 1, 1], data: new Float32Array(1) };
    const large = kwta.nn.sequential([kwta.nn.flatten(), kwta.nn.linear({ out: 2 ** 28 })], { input: [1, 4, 4] });
    const controller = new AbortController();
    controller.abort();
    const job = { epochs: 1, optimizer: kwta.optim.adam(), signal: controller.signal };
    const failures: [unknown, string, string][] = [
      [shape, 'ShapeError', 'ERR_KWTA_SHAPE'],
      [await caught(model.logits(big)), 'ShapeError', 'ERR_KWTA_SHAPE'],
      [await caught(runtime.functional.relu({ ...big, shape: [1, 2] })), 'ShapeError', 'ERR_KWTA_SHAPE'],
      [await caught(runtime.functional.topk(big, { k: 2 })), 'ConfigError', 'ERR_KWTA_CONFIG'],
      [await caught(runtime.model(large)), 'MemoryError', 'ERR_KWTA_MEMORY'],
    ];
    for (const [error, name, code] of failures) {
      expect(error).toMatchObject({ name, code });
      for (const copy of [minified, plain]) {
        expect(error).toBeInstanceOf(copy.KwtaError);
        expect(error).toBeInstanceOf(copy[name as 'ShapeError']);
        expect(error).not.toBeInstanceOf(copy.DivergedError);
      }
    }
    expect(await caught(model.fit(datasetOf(kwta), job))).toMatchObject({ name: 'AbortError' });
  });
});

/** A dataset of the same copy. */
function datasetOf(kwta: typeof plain): plain.Dataset {
  const { shape, images, labels, classes } = stripes(6, 1);
  return kwta.datasets.fromTensors({ images: { shape: [6, ...shape], data: images as Float32Array }, labels, classes });
}

it('a model of the other copy is not taken for one of this', async () => {
  await using runtime = await plain.createRuntime({ threads: 1 });
  await using others = await minified.createRuntime({ threads: 1 });
  const spec = stripeNet(plain.nn.relu());
  const [model, source] = [await runtime.model(spec), await others.model(spec)];
  const data = stripes(6, 1);
  const samples = { x: data.tensor(), labels: data.labels, epsilons: [0.1] };
  const failure = await caught(model.attack(plain.attacks.transfer({ source }), samples));
  expect(failure).toMatchObject({ code: 'ERR_KWTA_CONFIG' });
  expect((failure as Error).message).toContain('made by another runtime');
});
