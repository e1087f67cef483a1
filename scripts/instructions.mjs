// npm run instructions [-- --update]: counts the instructions of the hot kernels (crates/instructions, native, one
// thread) with callgrind, and compares them with the baseline; --update makes them the baseline.
//
// Unlike times, counts are the same on every run and under any load. They depend on the compiler, so a baseline
// names those it holds for.
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compare, compilerName, fails, readCallgrind, tolerance, updated } from './lib/instructions.mjs';
import { nativeEnvironment } from './lib/rust.mjs';
import { Failure, installDebianPackages, main, note, root, run, which } from './lib/steps.mjs';

const file = path.join(root, 'crates/instructions/baseline.json');
const updateCommand = 'npm run instructions -- --update';

/**
 * Compares with the baseline; counts cases.
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function checkInstructions() {
  const measured = await measure();
  if (typeof measured === 'string') {
    note(`SKIPPED: ${measured}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const { compiler, counts } = measured;
  const baseline = readBaseline();
  const cases = compare(baseline.counts, counts);
  print(cases);
  if (!baseline.compilers.includes(compiler)) {
    note(`SKIPPED: the baseline is not of ${compiler}, but of ${baseline.compilers.join(' and ')}`);
    note(`A difference may be the compiler's. \`${updateCommand}\` makes a baseline for it.`);
    return { passed: 0, failed: 0, skipped: cases.length };
  }
  const failed = cases.filter(fails).length;
  if (cases.some(({ verdict }) => verdict === 'fewer')) note(`Keep what was gained: \`${updateCommand}\`.`);
  if (failed > 0)
    note(`More than ${100 * tolerance} % more, or no longer the same cases. If meant: \`${updateCommand}\`.`);
  return { passed: cases.length - failed, failed, skipped: 0 };
}

async function update() {
  const measured = await measure();
  if (typeof measured === 'string') throw new Failure(`there is no counting here: ${measured}.`);
  const before = readBaseline();
  print(compare(before.counts, measured.counts));
  const after = updated(before, measured.compiler, measured.counts);
  writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
  note(`${path.relative(root, file)} now holds for ${after.compilers.join(' and ')}`);
}

/** @returns {import('./lib/instructions.mjs').Baseline} */
function readBaseline() {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * Builds the program and runs it under callgrind.
 * @returns {Promise<{ compiler: string, counts: Record<string, number> } | string>} or why that cannot be
 */
async function measure() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `callgrind counts on Linux and x64, this is ${process.platform} and ${process.arch}`;
  if (!which('valgrind')) await installDebianPackages(['valgrind']);
  if (!which('valgrind')) return 'valgrind is not installed';
  const env = await buildEnvironment();
  const compiler = compilerName(await run(env.RUSTC, ['-vV'], { env, capture: true }));
  const counts = await count(await compile(env));
  note(`${compiler}; ${(await run('valgrind', ['--version'], { capture: true })).trim()}`);
  return { compiler, counts };
}

/** Nothing that this machine or its user sets changes the code but the compiler, which is the one that is named. */
async function buildEnvironment() {
  const native = await nativeEnvironment();
  const env = Object.fromEntries(Object.entries(native).filter(([name]) => !name.startsWith('CARGO_PROFILE_')));
  return {
    ...env,
    RUSTC: native.RUSTC ?? which('rustc') ?? 'rustc',
    CARGO_INCREMENTAL: '0',
    // This variable outdoes every other place for flags.
    CARGO_ENCODED_RUSTFLAGS: '-Ctarget-cpu=x86-64',
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} the program
 */
async function compile(env) {
  const args = ['build', '--quiet', '--release', '--package', 'kwta-instructions', '--message-format=json'];
  const output = await run('cargo', args, { env, capture: true });
  const program = output.match(/"executable":"(.+?)"/)?.[1];
  if (!program) throw new Failure('cargo did not say where it put kwta-instructions.');
  return realpathSync(program);
}

/**
 * @param {string} program
 * @returns {Promise<Record<string, number>>}
 */
async function count(program) {
  const folder = mkdtempSync(path.join(tmpdir(), 'kwta-instructions-'));
  try {
    const out = path.join(folder, 'callgrind.out');
    const around = ['--collect-atstart=no', '--toggle-collect=kwta_counted', '--dump-after=kwta_counted'];
    const format = ['--combine-dumps=yes', '--compress-strings=no', '--compress-pos=no', `--callgrind-out-file=${out}`];
    const names = await run('valgrind', ['--quiet', '--tool=callgrind', ...around, ...format, program], {
      capture: true,
    });
    const cases = names.trim().split('\n');
    const dumps = readCallgrind(readFileSync(out, 'utf8'), program);
    if (dumps.length !== cases.length || dumps.includes(0))
      throw new Failure(`callgrind counted ${dumps.join(', ')} for ${cases.length} cases.`);
    return Object.fromEntries(cases.map((name, i) => [name, dumps[i]]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {import('./lib/instructions.mjs').Comparison[]} cases */
function print(cases) {
  const width = Math.max(...cases.map(({ name }) => name.length));
  const number = (/** @type {number | undefined} */ count) => (count?.toLocaleString('en') ?? '-').padStart(11);
  note(`${'instructions'.padEnd(width)} ${'baseline'.padStart(11)} ${'now'.padStart(11)}  ratio`);
  for (const { name, before, now, verdict } of cases) {
    const ratio = before && now ? (now / before).toFixed(3) : '    -';
    const remark = verdict === 'same' ? '' : `  ${verdict.toUpperCase()}`;
    note(`${name.padEnd(width)} ${number(before)} ${number(now)}  ${ratio}${remark}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const args = process.argv.slice(2);
    if (args.some((arg) => arg !== '--update'))
      throw new Failure(`unknown options: ${args.join(' ')}. There is --update.`);
    if (args.length > 0) return update();
    const { failed } = await checkInstructions();
    if (failed > 0) process.exitCode = 1;
  });
}
