/** Copies of the package in one program: each works, but what one made the other does not know, and each weighs. */
import { version } from '../base/version.js';

/** Known to all copies of a realm; set by the first runtime, not by an import. */
const register = Symbol.for('kwta.copies');

/** This copy. */
const copy = { version };

/** Counts this copy, and says when it is not the first. */
export function countCopy(): void {
  const scope = globalThis as { [register]?: Set<{ version: string }> };
  scope[register] ??= new Set();
  const copies = scope[register];
  if (copies.has(copy)) return;
  copies.add(copy);
  if (copies.size === 1) return;
  const versions = Array.from(copies, (each) => each.version).join(' and ');
  console.warn(
    `kwta: ${copies.size} copies of the package are in this program (versions ${versions}); models of one are unknown to ` +
      "runtimes of the other: `npm ls kwta` shows where they come from, `npm dedupe` or a bundler's alias leaves one, and " +
      "'kwta' beside 'kwta/inline' are two",
  );
}
