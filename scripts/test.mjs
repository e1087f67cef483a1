// npm test [-- stage...]: sets up, builds, and runs every test, or only the stages named:
// lint, native, instructions, wasm, node, browser, page, package; environments only when it is named.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { checkInstructions } from './instructions.mjs';
import { ensureChromium } from './lib/chromium.mjs';
import { nativeEnvironment } from './lib/rust.mjs';
import { Failure, main, note, root, stage, tryRun } from './lib/steps.mjs';
import { cargoOptions, wasmEnvironment } from './lib/wasm.mjs';
import { lint } from './lint.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number, failures?: string[] }} Count */

/** @type {{ name: string, count: Count }[]} */
const results = [];

/** What each stage runs, in order. */
const stages = {
  lint: () => record('lint', async () => count(await succeeds(lint))),
  native: async () => {
    await cargoTest('kernels, native', []);
    await cargoTest('kernels, native, with threads', ['--features', 'threads']);
  },
  instructions: () => record('kernels, instruction counts', instructionCounts),
  wasm: async () => {
    await wasmTest('kernels, WebAssembly simd', { threads: false, relaxed: false });
    // The pool itself is tested through the package; here one thread runs code built for threads.
    await wasmTest('kernels, WebAssembly relaxed simd', { threads: true, relaxed: true });
  },
  node: async () => {
    await vitest('package, in Node', 'node');
    await vitest('package, in another realm', 'realm');
  },
  browser: async () => {
    await vitest('package, in Chromium with shared memory', 'browser-isolated');
    await vitest('package, in Chromium without shared memory', 'browser-plain');
  },
  page: () => vitest('demo page, in Chromium', 'page'),
  package: () => vitest('tarball, installed in an empty folder', 'package'),
};

/** What runs only when it is named. */
const others = {
  environments: () => vitest('tarball, under other run times, bundlers and frameworks', 'environments'),
};

await main(async () => {
  const named = process.argv.slice(2);
  const all = { ...stages, ...others };
  for (const name of named) {
    if (!(name in all))
      throw new Failure(`there is no test stage "${name}": choose from ${Object.keys(all).join(', ')}.`);
  }
  await build();
  for (const [name, runStage] of Object.entries(named.length === 0 ? stages : all)) {
    if (named.length === 0 || named.includes(name)) await runStage();
  }
  summarise();
});

/**
 * @param {string} name
 * @param {() => Promise<Count>} work
 */
async function record(name, work) {
  results.push({ name, count: await work() });
}

/**
 * Whether the work passes; prints why not.
 * @param {() => Promise<unknown>} work
 */
async function succeeds(work) {
  try {
    await work();
    return true;
  } catch (error) {
    console.error(error instanceof Failure ? `   ${error.message}` : error);
    return false;
  }
}

/**
 * A check that passes or fails as a whole.
 * @param {boolean} passed
 * @returns {Count}
 */
function count(passed) {
  return { passed: Number(passed), failed: Number(!passed), skipped: 0 };
}

/**
 * @param {string} name
 * @param {string[]} args
 */
function cargoTest(name, args) {
  return record(name, () =>
    stage(`Test: ${name}`, async () =>
      runCargo(['test', '--workspace', '--lib', '--tests', ...args], await nativeEnvironment()),
    ),
  );
}

async function instructionCounts() {
  let total = count(false);
  await succeeds(async () => {
    total = await stage('Test: kernels, instruction counts', checkInstructions);
  });
  return total;
}

/**
 * The unit tests of the kernels, compiled to WebAssembly as the variant is and run in Node.
 * @param {string} name
 * @param {Omit<import('./lib/wasm.mjs').Variant, 'name'>} variant
 */
function wasmTest(name, variant) {
  return record(name, () =>
    stage(`Test: ${name}`, async () => {
      const flags = variant.relaxed ? await relaxedSimdFlags() : [];
      if (!flags) {
        note(`SKIPPED: Node ${process.versions.node} has no relaxed SIMD`);
        return { passed: 0, failed: 0, skipped: 1 };
      }
      const env = { ...(await wasmEnvironment(variant)), NODE_ARGS: flags.join(',') };
      // Optimised, and aborting on panic: as shipped, and with the std that the build compiled.
      const options = [
        ...['--release', '--target', 'wasm32-unknown-unknown', '-Zpanic-abort-tests'],
        ...cargoOptions(variant),
      ];
      return runCargo(['test', '-p', 'kwta-kernels', '--lib', ...options], env);
    }),
  );
}

/** What Node needs to be told to run relaxed SIMD; undefined when it cannot. */
async function relaxedSimdFlags() {
  const flag = '--experimental-wasm-relaxed-simd';
  const probe = [
    '-e',
    "import('wasm-feature-detect').then(async (m) => process.exit((await m.relaxedSimd()) ? 0 : 1))",
  ];
  for (const flags of [[], [flag]]) {
    if ((await tryRun(process.execPath, [...flags, ...probe], { capture: true })).code === 0) return flags;
  }
  return undefined;
}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Count>}
 */
async function runCargo(args, env) {
  const { code, output } = await tryRun('cargo', args, { env, onOutput: () => {} });
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(/(\d+) passed; (\d+) failed; (\d+) ignored/g)) {
    total.passed += Number(passed);
    total.failed += Number(failed);
    total.skipped += Number(ignored);
  }
  if (code !== 0) total.failed ||= 1;
  return { ...total, failures: [...output.matchAll(/^test (\S.*) \.\.\. FAILED$/gm)].map(([, test]) => test) };
}

/**
 * @param {string} name
 * @param {string} project of vitest.config.ts
 */
function vitest(name, project) {
  return record(name, () =>
    stage(`Test: ${name}`, async () => {
      if (project === 'node' && !process.env.KWTA_DATA) note('SKIPPING tests on real data: KWTA_DATA is not set');
      const folder = mkdtempSync(path.join(tmpdir(), 'kwta-test-'));
      try {
        const report = path.join(folder, 'report.json');
        const env = { ...process.env };
        if (project.startsWith('browser')) env.KWTA_CHROMIUM = await ensureChromium();
        const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
        const script = path.join(root, 'node_modules/vitest/vitest.mjs');
        const { code } = await tryRun(process.execPath, [script, 'run', '--project', project, ...reporters], { env });
        return readReport(report, code);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
  );
}

/**
 * @param {string} file vitest's report, absent when it did not get to write one
 * @param {number} code its exit code
 * @returns {Count}
 */
function readReport(file, code) {
  let total = count(code === 0);
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    const skipped = report.numPendingTests + report.numTodoTests;
    total = { passed: report.numPassedTests, failed: report.numFailedTests, skipped, failures: failuresIn(report) };
  } catch (error) {
    note(`vitest wrote no report: ${error}`);
  }
  // A file that does not load fails without a failed test.
  if (code !== 0) total.failed ||= 1;
  return total;
}

/**
 * A line for each file that failed to load and each test that failed, with the first lines of what was said.
 * @param {{ testResults: { name: string, status: string, message: string, assertionResults: { status: string,
 *   fullName: string, failureMessages: string[] }[] }[] }} report vitest's, in the form of Jest's
 */
function failuresIn(report) {
  const first = (/** @type {string} */ text) => text.split('\n').slice(0, 3).join(' ').slice(0, 300);
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = path.relative(root, name);
    const failed = assertionResults.filter((each) => each.status === 'failed');
    if (failed.length === 0 && status === 'failed') return [`${file}: ${first(message)}`];
    return failed.map((each) => `${file}: ${each.fullName}: ${first(each.failureMessages.join('\n'))}`);
  });
}

function summarise() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  console.log('\n== Summary');
  for (const { name, count } of results) {
    total.passed += count.passed;
    total.failed += count.failed;
    total.skipped += count.skipped;
    console.log(`   ${count.failed > 0 ? 'FAILED' : 'passed'}  ${name}: ${describe(count)}`);
    for (const failure of count.failures ?? []) console.log(`           ${failure}`);
  }
  console.log(`\n${describe(total)}`);
  if (total.failed > 0) process.exitCode = 1;
}

/** @param {Count} count */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
