// What of dist/ goes into the package: not the declarations that no entry leads to, which only the project's own tests read; nor
// the second copy of the code around the threaded kernels (glue.mjs).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure, root } from './steps.mjs';

const dist = path.join(root, 'dist');

/** Writes dist/.npmignore. */
export function ignoreInnerDeclarations() {
  const reached = reachedFrom(entries());
  const all = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'));
  const inner = all.map((name) => name.replaceAll('\\', '/')).filter((name) => !reached.has(name));
  writeFileSync(
    path.join(dist, '.npmignore'),
    `*.hash\n/wasm/relaxed-threads/kwta.js\n${inner.map((name) => `/${name}\n`).join('')}`,
  );
}

/** The declarations that package.json names, below dist/. */
function entries() {
  /** @type {{ exports: Record<string, string | { types?: string }> }} */
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((entry) =>
    typeof entry === 'object' && entry.types !== undefined ? [path.posix.relative('dist', entry.types)] : [],
  );
}

/**
 * @param {string[]} from
 * @returns {Set<string>} these files and all that they import, and so on
 */
function reachedFrom(from) {
  const reached = new Set(from);
  // A set that grows while it is walked.
  for (const name of reached) {
    const text = readFileSync(path.join(dist, name), 'utf8');
    for (const [, imported] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      if (imported.startsWith('#')) throw new Failure(`${name} imports ${imported}, which has other types elsewhere.`);
      if (imported.startsWith('.'))
        reached.add(path.posix.join(path.posix.dirname(name), imported.replace(/\.js$/, '.d.ts')));
    }
  }
  return reached;
}
