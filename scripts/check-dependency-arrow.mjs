// The arrow of dependencies, as `npm run lint` enforces it:
//
//   crates/kernels -> crates/wasm -> ts/base -> platform -> kernels -> ops -> graph -> nn -> io -> data -> attacks
//                  -> train -> evaluate -> analysis -> engine -> client -> report -> api -> index -> sweep -> cli
//
// A folder of ts/ imports (types as well) from itself and from what stands left of it.
// Beyond that: only ts/kernels sees generated code; what a browser loads reaches no node: module; crates/kernels
// does without wasm-bindgen; unsafe code stays in the files named here.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Left to right; folders of one rank do not import each other. */
const ranks = [
  ['base'],
  ['platform'],
  ['kernels'],
  ['ops'],
  ['graph'],
  ['nn'],
  ['io'],
  ['data'],
  ['attacks'],
  ['train'],
  ['evaluate'],
  ['analysis'],
  ['engine'],
  ['client'],
  ['report'],
  ['api.ts'],
  ['index.ts', 'slim.ts', 'inline.ts'],
  ['sweep'],
  ['cli'],
];

/** What the command line may see: the public API, the schemas of what is plain data, what draws reports, what only Node has. */
const commandLine = [
  /^index\.ts$/,
  /^attacks\/(table|core\/norms)\.ts$/,
  /^evaluate\/(adversarials|presets)\.ts$/,
  /^train\/(batches|checkpoint|config|schedules\/anneal)\.ts$/,
  /^io\/(checkpoint|matching|models|npz|onnx\/encode|safetensors|weights)\.ts$/,
  /^nn\/(normalized|models\/(index|zoo))\.ts$/,
  /^graph\/containers\.ts$/,
  /^base\/(plain|schema)\.ts$/,
  /^report\//,
  /^sweep\//,
  /^cli\//,
  /^platform\//,
  /^data\/fashionMnist\.ts$/,
];

/** Where `unsafe` is allowed: intrinsics, and inner loops that bounds checks would slow. */
const unsafePlaces = [
  'crates/kernels/src/simd/',
  'crates/kernels/src/matmul/',
  'crates/kernels/src/conv2d/',
  'crates/kernels/src/sparse/',
  'crates/kernels/src/kwta.rs',
  'crates/kernels/src/optim.rs',
  'crates/kernels/src/parallel.rs',
  'crates/kernels/src/parallel/',
  'crates/kernels/src/pool.rs',
  'crates/kernels/src/select.rs',
  'crates/wasm/src/',
];

/**
 * All violations below a checkout, one sentence each.
 * @param {string} root
 * @returns {string[]}
 */
export function checkDependencyArrow(root) {
  return [...checkFolders(root), ...checkBrowser(root), ...checkCrates(root)];
}

/** @param {string} root */
function checkFolders(root) {
  const violations = [];
  for (const file of sources(root, 'ts', '.ts')) {
    const from = placeOf(file);
    if (rankOf(from) === undefined) {
      violations.push(
        `ts/${file}: ${from} has no place in the arrow; give it one in scripts/check-dependency-arrow.mjs`,
      );
      continue;
    }
    for (const { target, node } of importsOf(root, file)) {
      if (node) continue;
      const to = placeOf(target);
      if (to === 'wasm') {
        if (from !== 'kernels') violations.push(`ts/${file} imports generated code (${target}): only kernels may`);
      } else if (from === 'cli' && !commandLine.some((place) => place.test(target))) {
        violations.push(`ts/${file} imports ts/${target}: the command line uses the public API`);
      } else if (!mayImport(from, to)) {
        violations.push(`ts/${file} imports ts/${target}: ${from} must not depend on ${to}`);
      }
    }
  }
  return violations;
}

/**
 * @param {string} from
 * @param {string} to
 */
function mayImport(from, to) {
  if (from === to) return true;
  const [fromRank, toRank] = [rankOf(from), rankOf(to)];
  return fromRank !== undefined && toRank !== undefined && toRank < fromRank;
}

/** @param {string} place */
function rankOf(place) {
  const rank = ranks.findIndex((places) => places.includes(place));
  return rank < 0 ? undefined : rank;
}

/**
 * The folder below ts/, or the file when it lies directly there.
 * @param {string} file
 */
function placeOf(file) {
  return file.split('/')[0];
}

/**
 * What index.ts and slim.ts load in a browser: no static import of a node: module on any way but through #platform.
 * @param {string} root
 */
function checkBrowser(root) {
  const violations = [];
  const queue = ['index.ts', 'slim.ts'].filter((entry) => existsSync(path.join(root, 'ts', entry)));
  const seen = new Set(queue);
  for (const file of queue) {
    for (const { target, node, erased } of importsOf(root, file)) {
      if (erased) continue;
      if (node) violations.push(`ts/${file} imports ${target}, and a browser that loads the package reaches it`);
      else if (!seen.has(target) && existsSync(path.join(root, 'ts', target))) {
        seen.add(target);
        queue.push(target);
      }
    }
  }
  return violations;
}

/** @param {string} root */
function checkCrates(root) {
  const violations = [];
  const manifest = path.join(root, 'crates/kernels/Cargo.toml');
  if (existsSync(manifest)) {
    let section = '';
    for (const line of readFileSync(manifest, 'utf8').split('\n')) {
      section = line.match(/^\[(.+)\]/)?.[1] ?? section;
      const dependency = section.endsWith('dependencies') && !section.endsWith('dev-dependencies');
      if (dependency && /^wasm-bindgen/.test(line)) violations.push('crates/kernels depends on wasm-bindgen');
    }
  }
  for (const file of sources(root, 'crates', '.rs')) {
    const name = `crates/${file}`;
    const code = readFileSync(path.join(root, name), 'utf8').replaceAll(/\/\/.*/g, '');
    const allowed = unsafePlaces.some((place) => name.startsWith(place));
    if (/\bunsafe\b/.test(code) && !allowed)
      violations.push(`${name} has unsafe code: it is not on the list of places for it`);
  }
  return violations;
}

/**
 * What a file of ts/ imports, as paths below ts/; packages are left out, except for node: modules.
 * @param {string} root
 * @param {string} file
 * @returns {{ target: string, node: boolean, erased: boolean }[]}
 */
function importsOf(root, file) {
  const code = readFileSync(path.join(root, 'ts', file), 'utf8');
  const statements = code.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[^;'"]*?\sfrom\s+)?['"](.+?)['"]/gm);
  // A worker's entry that the platform starts by its URL is another program, not an import.
  const pattern =
    placeOf(file) === 'platform' ? /\bimport\(\s*['"](.+?)['"]/g : /\b(?:import|new URL)\(\s*['"](.+?)['"]/g;
  const expressions = code.matchAll(pattern);
  const all = [
    ...[...statements].map((match) => ({ name: match[2], erased: match[1] !== undefined, dynamic: false })),
    ...[...expressions].map((match) => ({ name: match[1], erased: false, dynamic: true })),
  ];
  return all
    .filter(({ name }) => name.startsWith('node:') || name.startsWith('.'))
    .map(({ name, erased, dynamic }) => {
      // A dynamic import of a node: module is a choice made at run time, after a look at the platform.
      if (name.startsWith('node:')) return { target: name, node: true, erased: erased || dynamic };
      const target = path.posix.join(path.posix.dirname(file), name).replace(/\.js$/, '.ts');
      return { target, node: false, erased };
    });
}

/**
 * Files with an ending, relative to the folder, with forward slashes.
 * @param {string} root
 * @param {string} folder
 * @param {string} ending
 * @returns {string[]}
 */
function sources(root, folder, ending) {
  const base = path.join(root, folder);
  if (!existsSync(base)) return [];
  return readdirSync(base, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith(ending) && !/(^|\/)(target|node_modules)\//.test(name))
    .filter((name) => statSync(path.join(base, name)).isFile())
    .sort();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const violations = checkDependencyArrow(process.cwd());
  for (const violation of violations) console.error(violation);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
