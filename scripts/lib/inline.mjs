// dist/inline.js: the package, the kernels of one thread and the program of a worker in one file, which needs nothing else.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { failOnWarning } from './bundling.mjs';
import { root } from './steps.mjs';

/** @typedef {import('rolldown').Plugin} Plugin */

const dist = path.join(root, 'dist');

/** The kernels in it. */
export const inlinedKernels = 'dist/wasm/simd/kwta_bg.wasm';

/** What only that file is made of; in the package it could not be loaded. */
const parts = ['client/inline.js', 'engine/entry.inline.js', 'platform/inline.js'];

/** Packages that only those install who need them. */
const optional = Object.keys(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).peerDependencies);

/**
 * Writes the file in the place of its own entry, which imports what is not there.
 * @returns {Promise<string[]>} the modules in it
 */
export async function writeInline() {
  const worker = await bundle('engine/entry.inline.js', {});
  const kernels = gzipSync(readFileSync(path.join(root, inlinedKernels)), { level: 9 });
  // What the platform writes into the header is not the same everywhere.
  kernels[9] = 255;
  const inlined = { kernels: kernels.toString('base64'), workerProgram: worker.code };
  const whole = await bundle('inline.js', inlined, path.join(dist, 'inline.js'));
  for (const part of parts) rmSync(path.join(dist, part));
  return [...new Set([...worker.moduleIds, ...whole.moduleIds])];
}

/**
 * @param {string} entry below dist/
 * @param {Record<string, string>} inlined what `#inlined` exports
 * @param {string} [file] where it is written to, if it is
 */
async function bundle(entry, inlined, file) {
  // Imported here: the packages may be installed by the very command that builds.
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    input: path.join(dist, entry),
    platform: 'neutral',
    external: (id) => optional.some((name) => id === name || id.startsWith(`${name}/`)),
    resolve: { mainFields: ['module', 'main'], alias: { '#platform': path.join(dist, 'platform/inline.js') } },
    plugins: [textPlugin(inlined), nodePlugin()],
    onLog: failOnWarning,
  });
  /** @type {import('rolldown').OutputOptions} */
  const options = { format: 'es', minify: true, codeSplitting: false };
  const { output } = await (file === undefined ? build.generate(options) : build.write({ ...options, file }));
  await build.close();
  return output[0];
}

/**
 * `#inlined`: texts.
 * @param {Record<string, string>} texts
 * @returns {Plugin}
 */
function textPlugin(texts) {
  return {
    name: 'texts',
    resolveId: (id) => (id === '#inlined' ? '\0inlined' : null),
    load: (id) =>
      id === '\0inlined'
        ? Object.entries(texts)
            .map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};`)
            .join('\n')
        : null,
  };
}

/**
 * Modules of Node as stand-ins that ask for the real ones when they are used: a browser, which loads the same file, has none.
 * @returns {Plugin}
 */
function nodePlugin() {
  return {
    name: 'node',
    resolveId: (id) => (id.startsWith('node:') ? `\0${id}` : null),
    async load(id) {
      if (!id.startsWith('\0node:')) return null;
      const name = id.slice(1);
      const names = Object.keys(await import(name)).filter((each) => each !== 'default');
      return [
        `const later = (name) => {`,
        `  const real = () => process.getBuiltinModule(${JSON.stringify(name)})[name];`,
        `  return new Proxy(function () {}, {`,
        `    apply: (_, self, values) => Reflect.apply(real(), self, values),`,
        `    construct: (_, values) => Reflect.construct(real(), values),`,
        `    get: (_, key) => real()[key],`,
        `  });`,
        `};`,
        ...names.map((each) => `export const ${each} = /* @__PURE__ */ later(${JSON.stringify(each)});`),
      ].join('\n');
    },
  };
}
