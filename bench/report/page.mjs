/** A run as one HTML file: facts, tables and plots, with everything inline. */
import { escapeHtml } from '../../dist/report/format.js';
import { STYLE } from '../../dist/report/style.js';
import { resultBars, resultTable } from './blocks.mjs';
import { bars, familyColors, lines, roofline } from './charts.mjs';
import { rooflines, suites } from './findings/index.mjs';

/** @typedef {import('./blocks.mjs').Block} Block */

/** What plots need beside the project's own style. */
const PLOTS = `
main { max-width: 76rem; }
.bar { fill: var(--model); }
.line { fill: none; stroke: var(--model); stroke-width: 2; stroke-linejoin: round; }
.line.dashed { stroke-dasharray: 5 4; }
.series circle { fill: var(--model); stroke: var(--paper); stroke-width: 1; }
.fit { fill: none; stroke: var(--model); stroke-width: 7; stroke-opacity: .22; stroke-linecap: round; }
.roof { fill: none; stroke: var(--ink); stroke-width: 1.75; }
.place circle, .place path { fill: var(--model); fill-opacity: .85; stroke: var(--paper); stroke-width: 1; }
.key li.stroke::before { width: 1.6em; height: .2em; border-radius: 0; vertical-align: .25em; }
.key li.dashed::before { background: repeating-linear-gradient(90deg, var(--model) 0 .4em, transparent .4em .6em); }
.key li.disc::before { border-radius: 50%; } .key li.square::before { border-radius: 2px; }
.key li.triangle::before { border-radius: 0; clip-path: polygon(50% 0, 100% 100%, 0 100%); }
.panels { margin-top: 1.5rem; } figure .key { margin: .25rem 0 .5rem; }
.scroll + .note { margin-top: .5rem; }
.panels { grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); align-items: start; }
details { margin-top: 1.5rem; } summary { cursor: pointer; color: var(--soft); }
caption::before { content: none; }
tbody tr.ours th { font-weight: 640; }
figcaption small { color: var(--soft); font-weight: 400; }
`;

/** @param {import('./merge.mjs').Report} report */
export function renderPage(report) {
  const { machine, results } = report;
  const sections = Object.entries(suites).map(([suite, { title, find }]) => {
    const its = results.filter((result) => result.suite === suite);
    return its.length === 0
      ? ''
      : section(suite, title, its, [...find(its), ...(suite === 'peak' ? rooflines(results) : [])]);
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Benchmarks · kwta</title>
<style>${STYLE}${PLOTS}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">${escapeHtml(`${machine.date.slice(0, 10)} · commit ${machine.commit}`)}</p>
<h1>kwta beside its peers</h1>
<ul class="verdict">
<li>${escapeHtml(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; load ${machine.loadAverage.toFixed(2)} at the start`)}</li>
<li>Times are minima of at least ${report.rounds * report.passes} interleaved runs; tables show medians too. Results were compared before anything was timed.</li>
</ul>
</header>
${sections.filter(Boolean).join('\n')}
${peers(report)}
</main>
</body>
</html>
`;
}

/**
 * @param {string} suite
 * @param {string} title
 * @param {import('./blocks.mjs').Result[]} results
 * @param {Block[]} findings
 */
function section(suite, title, results, findings) {
  const tables = findings.filter(({ type }) => type === 'table').map(render);
  const plots = findings.filter(({ type }) => type !== 'table').map(render);
  const each = suite === 'cost' || suite === 'peak' ? [] : results.map((result) => render(resultBars(result)));
  const unit = results[0].flops ? 'GFLOP/s of the dense operation: longer is faster' : 'Time: shorter is faster';
  return `<section>
<h2>${escapeHtml(title)}</h2>
${tables.join('\n')}
${plots.length > 0 ? `<div class="panels">${plots.join('\n')}</div>` : ''}
${each.length > 0 ? `<h3>${unit}</h3>${families()}<div class="panels">${each.join('\n')}</div>` : ''}
<details><summary>All figures</summary>${results.map((result) => render(resultTable(result))).join('\n')}</details>
</section>`;
}

const families = () =>
  key([
    { name: 'this project', color: familyColors.ours, mark: 'square' },
    { name: 'other WebAssembly', color: familyColors.wasm, mark: 'square' },
    { name: 'native', color: familyColors.native, mark: 'square' },
  ]);

/** What colours and marks mean. @param {{ name: string, color: number, mark: string }[]} items */
function key(items) {
  const lines = items.map(({ name, color, mark }) => `<li class="model-${color} ${mark}">${escapeHtml(name)}</li>`);
  return `<ul class="key">${lines.join('')}</ul>`;
}

/** @param {import('./blocks.mjs').Series} series */
const strokeOf = ({ name, color, dashed }) => ({ name, color, mark: dashed ? 'stroke dashed' : 'stroke' });

/** @type {(name: string, color: number) => { name: string, color: number, mark: string }} */
const placeMark = (name, color) => ({ name, color, mark: ['disc', 'square', 'triangle'][color] });

/** @param {Block} block @returns {string} */
function render(block) {
  const figure = (/** @type {string} */ note, /** @type {string} */ content) =>
    `<figure><figcaption>${escapeHtml(block.title)} <small>${escapeHtml(note)}</small></figcaption>${content}</figure>`;
  switch (block.type) {
    case 'table':
      return table(block);
    case 'bars':
      return block.bars.length === 0 ? '' : figure(block.unit, bars(block));
    case 'lines':
      return figure('', key(block.series.map(strokeOf)) + lines(block));
    case 'roofline':
      return figure('roofline', key(block.key.map(placeMark)) + roofline(block));
  }
}

/** @param {import('./blocks.mjs').Table} table */
function table({ title, note, head, rows }) {
  const row = (/** @type {string[]} */ [first, ...cells]) =>
    `<tr${first.startsWith('kwta') ? ' class="ours"' : ''}><th scope="row">${escapeHtml(first)}</th>${cells
      .map((cell) => `<td>${escapeHtml(cell)}</td>`)
      .join('')}</tr>`;
  return `<div class="scroll"><table>
<caption>${escapeHtml(title)}</caption>
<thead><tr>${head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('')}</tr></thead>
<tbody>${rows.map(row).join('')}</tbody>
</table></div>${note ? `<p class="note">${escapeHtml(note)}</p>` : ''}`;
}

/** Versions of those that were there, and what those that were not need. @param {import('./merge.mjs').Report} report */
function peers({ peers, absent }) {
  const there = peers.map(
    ({ name, versions }) =>
      `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(
        Object.entries(versions)
          .map((pair) => pair.join(' '))
          .join(', '),
      )}</dd>`,
  );
  const missing = absent.map(
    ({ name, hint }) => `<dt>${escapeHtml(name)}</dt><dd>was absent; needs ${escapeHtml(hint)}</dd>`,
  );
  return `<section><h2>Peers</h2><dl class="facts">${[...there, ...missing].join('')}</dl></section>`;
}
