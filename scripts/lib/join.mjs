// dist/joined: the modules that an import of the package loads, in three files instead of some 160. The modules stay where they were and
// pass on what is in the three, so that all who import them find it. A page without a bundler asks for fewer files, and bundlers have no
// reason to cut what is loaded at once into many small chunks.
//
// Three, for an attack's file has what is used at once (its descriptor) and what is not (its procedure), and that needs modules of which
// nothing is used at once: upper.js has such files, middle.js what they need, and lower.js what is used at once and needs neither.
// In one file bundlers would have to load the middle, too, once a part that is loaded later uses it.
// Modules with import() stay apart, for workers are made of joined modules, too, and not every bundler can cut a worker.
import path from 'node:path';
import { failOnWarning } from './bundling.mjs';
import { root } from './steps.mjs';

/** @typedef {Map<string, { imports: string[], apart: boolean }>} Graph modules by path, what each imports, and whether it has to stay */

const dist = path.join(root, 'dist');

/** Where an import of the package begins; inline.js is one file already. */
const entries = ['index.js', 'slim.js'].map((name) => path.join(dist, name));

const layerNames = /** @type {const} */ (['lower', 'middle', 'upper']);

/** Writes dist/joined, and the modules of dist/ as they are with it. */
export async function joinModules() {
  // Imported here: the packages may be installed by the very command that builds.
  const { rolldown } = await import('rolldown');
  const resolved = (/** @type {string} */ id, /** @type {string | undefined} */ importer) =>
    importer !== undefined && id.startsWith('.') ? path.resolve(importer, '..', id) : id;
  /** @type {import('rolldown').InputOptions} */
  const options = {
    platform: 'neutral',
    onLog: failOnWarning,
  };

  /** @type {Graph} */
  const graph = new Map();
  const once = await rolldown({
    ...options,
    input: entries,
    external: (id, importer) => !path.isAbsolute(resolved(id, importer)),
    plugins: [now(), reader(graph)],
  });
  const { output } = await once.generate({ format: 'es' });
  await once.close();
  const loaded = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds.filter((id) => graph.has(id)) : []));
  const layerOf = layers(graph, loaded);

  // Attacks that have others inside and the table of all need each other: whoever is begun with has to be as users begin.
  const inside = inOrder(graph)
    .filter((id) => layerOf.has(id))
    .reverse();
  const joined = await rolldown({
    ...options,
    input: Object.fromEntries(
      inside.map((file) => [path.relative(dist, file).replaceAll(path.sep, '/').replace(/\.js$/, ''), file]),
    ),
    external: (id, importer) => !layerOf.has(resolved(id, importer)),
    preserveEntrySignatures: 'strict',
    plugins: [pureCalls()],
  });
  await joined.write({
    ...{ dir: dist, format: 'es', entryFileNames: '[name].js', chunkFileNames: 'joined/[name].js' },
    minifyInternalExports: false,
    codeSplitting: { groups: layerNames.map((name) => ({ name, test: (id) => layerOf.get(id) === name })) },
  });
  await joined.close();
}

/**
 * Which file each module goes into; each needs only those below it.
 * @param {Graph} graph all that an import loads without a bundler
 * @param {string[]} loaded those of which something is used at once
 */
function layers(graph, loaded) {
  const closure = (/** @type {string} */ id) => {
    const found = new Set([id]);
    for (const each of found) for (const next of graph.get(each)?.imports ?? []) found.add(next);
    return [...found];
  };
  const used = new Set(loaded.filter((id) => closure(id).every((each) => !graph.get(each)?.apart)));
  const unused = new Set([...used].flatMap(closure).filter((id) => !used.has(id)));
  const lower = new Set([...used].filter((id) => closure(id).every((each) => used.has(each))));
  const middle = new Set([...unused].filter((id) => closure(id).every((each) => lower.has(each) || unused.has(each))));
  /** @returns {typeof layerNames[number]} */
  const layerOf = (/** @type {string} */ id) => (lower.has(id) ? 'lower' : middle.has(id) ? 'middle' : 'upper');
  return new Map([...used, ...unused].map((id) => [id, layerOf(id)]));
}

/**
 * Modules in the order in which they run.
 * @param {Graph} graph
 */
function inOrder(graph) {
  /** @type {Set<string>} */
  const begun = new Set();
  /** @type {string[]} */
  const order = [];
  const visit = (/** @type {string} */ id) => {
    if (begun.has(id)) return;
    begun.add(id);
    for (const next of graph.get(id)?.imports ?? []) visit(next);
    order.push(id);
  };
  for (const entry of entries) visit(entry);
  return order;
}

/**
 * Leaves out what only a call loads.
 * @returns {import('rolldown').Plugin}
 */
function now() {
  return {
    name: 'now',
    resolveDynamicImport: (id) => (typeof id === 'string' ? { id, external: true } : null),
  };
}

/**
 * Reads what modules import.
 * @param {Graph} graph
 * @returns {import('rolldown').Plugin}
 */
function reader(graph) {
  return {
    name: 'reader',
    moduleParsed({ id, code, importedIds, dynamicallyImportedIds }) {
      const apart = dynamicallyImportedIds.length > 0 || code?.includes('import.meta') === true;
      graph.set(id, { imports: importedIds.filter((each) => path.isAbsolute(each)), apart });
    },
  };
}

/**
 * Marks the calls that joined modules make while they are loaded as pure: package.json says that importing does nothing, but says it of
 * files, and of these most users need a part.
 * @returns {import('rolldown').Plugin}
 */
function pureCalls() {
  return {
    name: 'pure-calls',
    renderChunk(code, { isEntry }) {
      if (isEntry) return null;
      /** @type {number[]} */
      const calls = [];
      for (const statement of this.parse(code).body)
        if (statement.type !== 'ExpressionStatement') collect(statement, calls);
      calls.sort((a, b) => b - a);
      return calls.reduce((text, at) => `${text.slice(0, at)}/* @__PURE__ */ ${text.slice(at)}`, code);
    },
  };
}

/**
 * Where calls begin that run when `node` does.
 * @param {unknown} node of a syntax tree
 * @param {number[]} calls
 */
function collect(node, calls) {
  if (typeof node !== 'object' || node === null) return;
  if ('type' in node && typeof node.type === 'string') {
    const later = node.type === 'PropertyDefinition' && 'static' in node && !node.static;
    if (later || node.type === 'MethodDefinition' || node.type.includes('Function')) return;
    const call = node.type === 'CallExpression' || node.type === 'NewExpression';
    if (call && 'start' in node && typeof node.start === 'number') calls.push(node.start);
  }
  for (const child of Object.values(node)) collect(child, calls);
}
