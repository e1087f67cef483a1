// dist/LICENSES.txt: what of others is inside the files of the package, with its licences: packages that were bundled, and crates
// that were compiled into the kernels. Dependencies that npm installs bring their own.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { wasmToolchain } from './rust.mjs';
import { Failure, root, run } from './steps.mjs';

/** What is inside in other ways: charts of reports; what the demo page is made with. */
const others = ['uplot', 'preact', '@preact/signals', '@preact/signals-core'];

/** @typedef {{ name: string, version: string, license: string, folder: string }} Part */
/** @typedef {{ id: string, name: string, version: string, license: string, source: string | null, manifest_path: string, targets: { kind: string[] }[] }} Crate */
/** @typedef {{ id: string, deps: { pkg: string, dep_kinds: { kind: string | null }[] }[] }} Node */
/** @typedef {{ packages: Crate[], resolve: { nodes: Node[] } }} Metadata what `cargo metadata` prints, as far as it is read here */

/**
 * @param {string[]} modules paths of modules that are in bundles
 */
export async function writeLicences(modules) {
  const bundled = [...new Set([...packagesOf(modules), ...others])].sort().map(partOf);
  const parts = [...bundled, ...(await crates())];
  const sections = parts.map(({ name, version, license, folder }) => {
    const files = readdirSync(folder)
      .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
      .sort();
    if (files.length === 0) throw new Failure(`${name} ${version} comes without the text of its licence (${license}).`);
    const texts = files.map((file) => readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim());
    return [`${name} ${version}: ${license}`, ...texts].join('\n\n');
  });
  const head = [
    'The files of this package contain the following, each under its own licence, beside what LICENSE names.',
    'The kernels also contain the standard library of Rust, under MIT or Apache-2.0 (https://www.rust-lang.org/policies/licenses).',
  ];
  const line = '-'.repeat(100);
  writeFileSync(path.join(root, 'dist/LICENSES.txt'), `${[head.join('\n'), ...sections].join(`\n\n${line}\n\n`)}\n`);
}

/** @throws {Failure} unless the packages of these modules, bundled later, are among those whose licences were written */
export function checkLicences(/** @type {string[]} */ modules) {
  const text = readFileSync(path.join(root, 'dist/LICENSES.txt'), 'utf8');
  const missing = packagesOf(modules).filter((name) => !text.includes(`\n${name} `));
  if (missing.length > 0) throw new Failure(`dist/LICENSES.txt has no licence of ${missing.join(', ')}.`);
}

/**
 * The names of packages.
 * @param {string[]} modules
 */
function packagesOf(modules) {
  const mark = `${path.sep}node_modules${path.sep}`;
  const names = modules.flatMap((id) => {
    const rest = id.split(mark).at(1)?.split(path.sep);
    return rest === undefined ? [] : [rest.slice(0, rest[0].startsWith('@') ? 2 : 1).join('/')];
  });
  return [...new Set(names)];
}

/**
 * @param {string} name
 * @returns {Part}
 */
function partOf(name) {
  const folder = path.join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return { name, version, license, folder };
}

/**
 * The crates of the kernels; what only runs while they are compiled is not in them.
 * @returns {Promise<Part[]>}
 */
async function crates() {
  const { env } = await wasmToolchain();
  const args = ['metadata', '--quiet', '--format-version=1', '--locked', '--filter-platform=wasm32-unknown-unknown'];
  /** @type {Metadata} */
  const { packages, resolve } = JSON.parse(await run('cargo', args, { env, capture: true }));
  const packageOf = (/** @type {string} */ id) => /** @type {Crate} */ (packages.find((each) => each.id === id));
  const queue = packages.filter(({ name }) => name === 'kwta-wasm').map(({ id }) => id);
  for (const id of queue) {
    for (const { pkg, dep_kinds } of resolve.nodes.find((node) => node.id === id)?.deps ?? []) {
      const isNormal = dep_kinds.some(({ kind }) => kind === null);
      const isMacro = packageOf(pkg).targets.some(({ kind }) => kind.includes('proc-macro'));
      if (isNormal && !isMacro && !queue.includes(pkg)) queue.push(pkg);
    }
  }
  return queue
    .map(packageOf)
    .filter(({ source }) => source !== null)
    .map(({ name, version, license, manifest_path }) => ({
      name,
      version,
      license,
      folder: path.dirname(manifest_path),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
