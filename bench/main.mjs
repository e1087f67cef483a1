/**
 * npm run bench [-- SUITE...] [--rounds N] [--passes N] [--peers TEXT] [--json FILE] [--html FILE] [--from FILE...]
 *
 * Times this project beside its peers; suites are peak, select, matmul, conv, step and cost (default: all). `--passes`
 * goes through all of them several times, so that a slow minute of the machine does not fall on one task. `--peers`
 * takes only those whose name contains one of the comma-separated texts. Figures go to the terminal and, as JSON and
 * as a page, to bench/results/ or the files named; the page stands beside the JSON unless it has a name of its own.
 * `--from` measures nothing and makes the page of earlier JSON files, the later ones replacing what they measured again.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure, startPeers, Times } from './harness.mjs';
import { peerDescriptions } from './peers/index.mjs';
import { resultTable } from './report/blocks.mjs';
import { suites } from './report/findings/index.mjs';
import { machine } from './report/machine.mjs';
import { mergeReports } from './report/merge.mjs';
import { renderPage } from './report/page.mjs';
import { renderTable } from './report/tables.mjs';

const names = Object.keys(suites);
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '10' },
    passes: { type: 'string', default: '1' },
    peers: { type: 'string' },
    json: { type: 'string' },
    html: { type: 'string' },
    from: { type: 'string', multiple: true },
  },
});
const rounds = count('rounds');
const passes = count('passes');
const unknown = positionals.find((name) => !names.includes(name));
if (unknown) throw new Error(`no suite is called ${unknown}; there are ${names.join(', ')}`);

const now = new Date().toISOString().replaceAll(':', '-');
const json = options.json ?? join(import.meta.dirname, 'results', `${now}.json`);
const html = options.html ?? `${json.replace(/\.json$/, '')}.html`;

const report = options.from
  ? mergeReports(options.from.map(read))
  : await run(positionals.length > 0 ? positionals : names);
save(report);
console.log(`\n${json}\n${html}`);
if (report.results.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;

/** @param {'rounds' | 'passes'} name of an option */
function count(name) {
  const value = Number(options[name]);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`--${name}: expected a whole number from 1, got ${options[name]}`);
  }
  return value;
}

/**
 * Measures.
 * @param {string[]} wanted suites
 * @returns {Promise<import('./report/merge.mjs').Report>}
 */
async function run(wanted) {
  const texts = options.peers?.toLowerCase().split(',');
  const descriptions = (await peerDescriptions()).filter(
    ({ name }) => !texts || texts.some((text) => name.toLowerCase().includes(text)),
  );
  const facts = machine();
  const { peers, absent } = await startPeers(descriptions);

  console.log(`${facts.cpu}, ${facts.cores} cores, ${facts.system}, Node ${facts.node}, commit ${facts.commit}`);
  if (facts.loadAverage > 0.5) console.log(`  the machine is busy: load ${facts.loadAverage.toFixed(1)}`);
  for (const { name, versions } of peers) {
    const texts = Object.entries(versions).map((pair) => pair.join(' '));
    console.log(`  ${name}: ${texts.join(', ')}`);
  }
  for (const { name, reason, hint } of absent) console.log(`  ${name}: absent (${reason}); needs ${hint}`);

  const versions = peers.map(({ name, versions }) => ({ name, versions }));
  /** @type {import('./report/merge.mjs').Report} */
  const report = { machine: facts, rounds, passes, peers: versions, absent, results: [] };
  const times = new Times();
  for (let pass = 1; pass <= passes; pass++) {
    if (passes > 1) console.log(`\npass ${pass} of ${passes}`);
    for (const suite of wanted) {
      const its = await measureSuite(suite, peers, times, pass === passes);
      report.results = [...report.results.filter((result) => result.suite !== suite), ...its];
      save(report); // what is measured is not lost when a later suite is stopped
    }
  }
  for (const peer of peers) peer.close();
  return report;
}

/**
 * One suite; `times` holds what earlier passes measured.
 * @param {string} suite
 * @param {import('./harness.mjs').Peer[]} peers
 * @param {Times} times
 * @param {boolean} print
 */
async function measureSuite(suite, peers, times, print) {
  const { tasks } = await import(`./suites/${suite}.mjs`);
  const results = [];
  for (const task of tasks()) {
    const result = await measure(suite, task, peers, rounds, times);
    if (result.timings.length + result.wrong.length === 0) continue; // nobody knows it
    results.push(result);
    console.log(print ? `\n${renderTable(resultTable(result))}` : `  ${result.task}`);
  }
  for (const block of print ? suites[suite].find(results) : []) {
    if (block.type === 'table') console.log(`\n${renderTable(block)}`);
  }
  return results;
}

/**
 * @param {string} file
 * @returns {import('./report/merge.mjs').Report}
 */
function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** @param {import('./report/merge.mjs').Report} report */
function save(report) {
  for (const [file, text] of [
    [json, `${JSON.stringify(report, null, 2)}\n`],
    [html, renderPage(report)],
  ]) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
