/**
 * npm run bench [-- SUITE...] [--rounds N] [--peers TEXT] [--json FILE]
 *
 * Times this project beside its peers; suites are select, matmul, conv and step (default: all). `--peers` takes
 * only those whose name contains one of the comma-separated texts. Figures go to the terminal and, as JSON, to
 * bench/results/ or FILE.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measure, startPeers } from './harness.mjs';
import { peerDescriptions } from './peers/index.mjs';
import { machine, table, writeJson } from './report.mjs';

const names = ['select', 'matmul', 'conv', 'step'];
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '10' }, peers: { type: 'string' }, json: { type: 'string' } },
});
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds: expected a whole number from 1, got ${options.rounds}`);
const unknown = positionals.find((name) => !names.includes(name));
if (unknown) throw new Error(`no suite is called ${unknown}; there are ${names.join(', ')}`);
const suites = positionals.length > 0 ? positionals : names;

const wanted = options.peers?.split(',');
const descriptions = (await peerDescriptions()).filter(
  ({ name }) => !wanted || wanted.some((text) => name.toLowerCase().includes(text.toLowerCase())),
);
const facts = machine();
const { peers, absent } = await startPeers(descriptions);

console.log(`${facts.cpu}, ${facts.cores} cores, ${facts.system}, Node ${facts.node}, commit ${facts.commit}`);
if (facts.loadAverage > 0.5) console.log(`  the machine is busy: load ${facts.loadAverage.toFixed(1)}`);
for (const { name, versions } of peers) {
  console.log(
    `  ${name}: ${Object.entries(versions)
      .map((pair) => pair.join(' '))
      .join(', ')}`,
  );
}
for (const { name, reason, hint } of absent) console.log(`  ${name}: absent (${reason}); needs ${hint}`);

const results = [];
let wrong = 0;
for (const suite of suites) {
  const { tasks } = await import(`./suites/${suite}.mjs`);
  for (const task of tasks()) {
    const result = await measure(task, peers, rounds);
    results.push(result);
    wrong += result.wrong.length;
    console.log(`\n${table(result)}`);
  }
}
for (const peer of peers) peer.close();

const file = options.json ?? join(import.meta.dirname, 'results', `${facts.date.replaceAll(':', '-')}.json`);
writeJson(file, {
  machine: facts,
  rounds,
  peers: peers.map(({ name, versions }) => ({ name, versions })),
  absent,
  results,
});
console.log(`\n${file}`);
if (wrong > 0) process.exitCode = 1;
