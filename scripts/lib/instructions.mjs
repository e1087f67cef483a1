// Instruction counts of the kernels against a baseline: the rules, without running anything.

/** By how much a count may rise: 3 %. One that falls as far suggests a new baseline. */
export const tolerance = 0.03;

/** Compilers whose counts all agree this closely share a baseline. */
const alike = 0.005;

/** @typedef {Record<string, number>} Counts instructions of each case */

/**
 * @typedef {object} Baseline
 * @property {string[]} compilers those it holds for
 * @property {Counts} counts
 */

/** @typedef {'same' | 'more' | 'fewer' | 'new' | 'gone'} Verdict */

/** @typedef {{ name: string, before?: number, now?: number, verdict: Verdict }} Comparison */

/**
 * All cases, in the order of the program; cases that only the baseline has come last.
 * @param {Counts} baseline
 * @param {Counts} counts
 * @returns {Comparison[]}
 */
export function compare(baseline, counts) {
  const names = [...new Set([...Object.keys(counts), ...Object.keys(baseline)])];
  return names.map((name) => {
    const [before, now] = [baseline[name], counts[name]];
    return { name, before, now, verdict: judge(before, now) };
  });
}

/**
 * @param {number | undefined} before
 * @param {number | undefined} now
 * @returns {Verdict}
 */
function judge(before, now) {
  if (before === undefined) return 'new';
  if (now === undefined) return 'gone';
  if (now > before * (1 + tolerance)) return 'more';
  return now < before * (1 - tolerance) ? 'fewer' : 'same';
}

/**
 * Whether a case fails: more instructions, or nothing to compare with.
 * @param {Comparison} comparison
 */
export function fails({ verdict }) {
  return verdict === 'more' || verdict === 'new' || verdict === 'gone';
}

/**
 * The baseline with new counts. It goes on holding for the compilers it was for when this one is among them;
 * another one joins them when it makes the same code, and else starts a baseline of its own.
 * @param {Baseline} baseline
 * @param {string} compiler
 * @param {Counts} counts
 * @returns {Baseline}
 */
export function updated({ compilers, counts: before }, compiler, counts) {
  if (compilers.includes(compiler)) return { compilers, counts };
  const same = compare(before, counts).every(
    ({ before = 0, now = Number.POSITIVE_INFINITY }) => Math.abs(now - before) <= alike * before,
  );
  return { compilers: same ? [...compilers, compiler].sort() : [compiler], counts };
}

/**
 * What counts decide about: `rustc 1.95, LLVM 22.1, x86_64-unknown-linux-gnu`.
 * @param {string} version output of `rustc -vV`
 */
export function compilerName(version) {
  const field = (/** @type {string} */ name) => version.match(new RegExp(`^${name}: (.+)$`, 'm'))?.[1] ?? 'unknown';
  // Patch releases repair; the rest of the version says nothing about code.
  const minor = (/** @type {string} */ number) => number.replace(/^(\d+\.\d+)\.\d+/, '$1');
  return `rustc ${minor(field('release'))}, LLVM ${minor(field('LLVM version'))}, ${field('host')}`;
}

/**
 * The instructions of each dump in callgrind's output (uncompressed strings, one position), in order.
 *
 * Only those of the program itself: libc picks its memset and memcpy by the machine's CPU, and counts one
 * instruction a byte on some.
 * @param {string} text
 * @param {string} program its path
 * @returns {number[]}
 */
export function readCallgrind(text, program) {
  const dumps = text.split(/^part: /m).slice(1);
  return dumps.filter((dump) => /^desc: Trigger: --dump-after=/m.test(dump)).map((dump) => ownCost(dump, program));
}

/**
 * @param {string} dump
 * @param {string} program
 */
function ownCost(dump, program) {
  let total = 0;
  let own = false;
  let inclusive = false;
  for (const line of dump.split('\n')) {
    if (line.startsWith('ob=')) own = line.slice(3) === program;
    // The line after says what the callee cost, which its own lines say too.
    else if (line.startsWith('calls=')) inclusive = true;
    else if (/^\d+ \d+$/.test(line)) {
      if (own && !inclusive) total += Number(line.split(' ')[1]);
      inclusive = false;
    }
  }
  return total;
}
