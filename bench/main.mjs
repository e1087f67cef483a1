/**
 * npm run bench [-- SUITE...] [--rounds N] [--peers TEXT] [--json FILE] [--html FILE] [--from FILE...]
 *
 * Times this project beside its peers; suites are peak, select, matmul, conv, step and cost (default: all). `--peers`
 * takes only those whose name contains one of the comma-separated texts. Figures go to the terminal and, as JSON and
 * as a page, to bench/results/ or the files named; the page stands beside the JSON unless it has a name of its own.
 * `--from` measures nothing and makes the page of earlier JSON files, the later ones replacing what they measured again.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure, startPeers } from './harness.mjs';
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
    peers: { type: 'string' },
    json: { type: 'string' },
    html: { type: 'string' },
    from: { type: 'string', multiple: true },
  },
});
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: expected a whole number from 1, got ${options.rounds}`);
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
  const report = { machine: facts, rounds, peers: versions, absent, results: [] };
  for (const suite of wanted) {
    const { tasks } = await import(`./suites/${suite}.mjs`);
    const its = [];
    for (const task of tasks()) {
      const result = await measure(suite, task, peers, rounds);
      if (result.timings.length + result.wrong.length === 0) continue; // nobody knows it
      its.push(result);
      console.log(`\n${renderTable(resultTable(result))}`);
    }
    for (const block of suites[suite].find(its)) {
      if (block.type === 'table') console.log(`\n${renderTable(block)}`);
    }
    report.results.push(...its);
    save(report); // what is measured is not lost when a later suite is stopped
  }
  for (const peer of peers) peer.close();
  return report;
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
