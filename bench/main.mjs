/**
 * Measures, or reads earlier measurements, and writes figures to the terminal and, as JSON and as a page, to files.
 * For the arguments see `options.mjs`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { measure, startPeers, Times } from './harness.mjs';
import { readOptions } from './options.mjs';
import { peerDescriptions } from './peers/index.mjs';
import { resultTable } from './report/blocks.mjs';
import { suites } from './report/findings/index.mjs';
import { machine } from './report/machine.mjs';
import { mergeReports } from './report/merge.mjs';
import { renderPage } from './report/page.mjs';
import { renderTable } from './report/tables.mjs';

const options = readOptions(process.argv.slice(2));
const { rounds, passes } = options;

const now = new Date().toISOString().replaceAll(':', '-');
const json = options.json ?? join(import.meta.dirname, 'results', `${now}.json`);
const html = options.html ?? `${json.replace(/\.json$/, '')}.html`;

const report = options.from ? mergeReports(options.from.map(read)) : await run(options.suites);
save(report);
console.log(`\n${json}\n${html}`);
if (report.results.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;

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
    if (!task.name.includes(options.tasks)) continue;
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
