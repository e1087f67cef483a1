/** A sweep as a page and as a table: what is done, all trials on parallel axes, the best, and accuracy over a number that was varied. */
import type { Accuracy } from '../evaluate/report.js';
import { dateText, escapeHtml, percent, percentRange } from './format.js';
import { optionText } from './optionText.js';
import { factList, renderPage } from './page.js';
import { type AgainstPlot, againstPlots } from './sweepCurves.js';
import { parallelAxes } from './sweepLines.js';
import { grid, type Row } from './table.js';

/** How a trial stands. */
export type TrialState = 'waiting' | 'running' | 'complete' | 'pruned' | 'failed';

/** A trial as it is shown. */
export interface SweepTrial {
  number: number;
  state: TrialState;
  /** By place: `train.optimizer.lr`. */
  options: Readonly<Record<string, unknown>>;
  seed: number;
  /** Of the objective: the last that is known. */
  value?: number;
  /** What was measured; the interval where it is a count. */
  figures: Readonly<Record<string, Pick<Accuracy, 'accuracy'> & Partial<Accuracy>>>;
  /** Name of its results. */
  hash?: string;
  error?: string;
}

/** Everything that is shown. */
export interface SweepView {
  name: string;
  /** `random` */
  search: string;
  /** The first is the objective. */
  figures: readonly string[];
  trials: readonly SweepTrial[];
  /** Whether jobs are still to come; the page is then written anew every so many milliseconds. */
  live: boolean;
  every: number;
  folder: string;
  versions: { kwta: string; platform: string };
  written: Date;
}

/** Rows of a table; a page with thousands is none. */
const shown = { table: 10, page: 50, failures: 20 };

const STYLE = `
.is-live .status { background: var(--model-0); color: var(--paper); }
.lines path { fill: none; stroke: var(--model-0); stroke-width: 1.2; } .lines path:hover { stroke: var(--hot); stroke-width: 3; stroke-opacity: 1; }
.lines .axis { stroke: var(--soft); stroke-width: 1; } .lines .tick { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; } .plot .name { font-size: 12px; font-weight: 620; }
`;

/** The page as the text of an HTML file that needs nothing else. */
export function renderSweep(view: SweepView): string {
  const { name, live, every, versions, trials } = view;
  const varied = variedPlaces(trials);
  const order = ranked(trials);
  return renderPage({
    title: `${name}${live ? ' (running)' : ''}`,
    maker: `kwta ${versions.kwta}`,
    sections: [
      header(view, order),
      against(view, varied),
      lines(view, order, varied),
      best(view, order, varied),
      failures(view),
      facts(view, varied),
    ],
    style: STYLE,
    // Who looks at a line keeps the page for as long.
    script: live
      ? `setInterval(() => { if (!document.hidden && document.querySelector('.lines path:hover') === null) location.reload(); }, ${every});`
      : undefined,
  });
}

/** How many are in which state. */
export function countsOf(trials: readonly SweepTrial[]): Record<TrialState, number> {
  const counts = { waiting: 0, running: 0, complete: 0, pruned: 0, failed: 0 };
  for (const { state } of trials) counts[state]++;
  return counts;
}

/** Those with a value, the best first. */
function ranked(trials: readonly SweepTrial[]): SweepTrial[] {
  const known = trials.filter(({ value, state }) => value !== undefined && state !== 'failed');
  // One that was left behind has fewer epochs, and is not to be compared.
  const rank = ({ state }: SweepTrial): number => (state === 'complete' ? 1 : 0);
  return known.sort((a, b) => rank(b) - rank(a) || (b.value as number) - (a.value as number) || a.number - b.number);
}

/** The best trials for the terminal. */
export function renderSweepTable({ trials, figures }: SweepView): string {
  const varied = variedPlaces(trials);
  const rows = ranked(trials)
    .slice(0, shown.table)
    .map((trial): Row => ({ cells: [String(trial.number), ...cellsOf(trial, varied, figures), trial.state] }));
  return grid(['trial', ...varied.map(shortName), 'seed', ...figures, 'state'], ['rule', ...rows]);
}

/** Places where trials differ. */
function variedPlaces(trials: readonly SweepTrial[]): string[] {
  const places = new Set(trials.flatMap(({ options }) => Object.keys(options)));
  return [...places].filter((place) => new Set(trials.map(({ options }) => JSON.stringify(options[place]))).size > 1);
}

/** The last two words of a place. */
export function shortName(place: string): string {
  return place.split('.').slice(1).slice(-2).join('.');
}

function cellsOf(
  { options, seed, figures: known }: SweepTrial,
  varied: readonly string[],
  figures: readonly string[],
): string[] {
  const measured = figures.map((figure) => (known[figure] === undefined ? '–' : percent(known[figure].accuracy)));
  return [...varied.map((place) => optionText(options[place])), String(seed), ...measured];
}

function header(
  { name, search, trials, live, figures: [objective] }: SweepView,
  [first]: readonly SweepTrial[],
): string {
  const { waiting, running, complete, pruned, failed } = countsOf(trials);
  const done = complete + pruned + failed;
  const parts = [
    `${complete} of ${trials.length} trials are done`,
    pruned > 0 && `${pruned} were left behind`,
    failed > 0 && `${failed} failed`,
    running > 0 && `${running} are running`,
    waiting > 0 && `${waiting} wait`,
  ].filter((part) => part !== false);
  const interval = first?.figures[objective]?.ci95;
  const sentences = [
    `${parts.join(', ')}.`,
    first &&
      `The best has ${percent(first.value as number)} (${objective}${interval ? `, 95 % interval ${percentRange(interval)}` : ''}): trial ${first.number}.`,
  ].filter((sentence) => sentence !== undefined);
  return `<header class="${live ? 'is-live' : 'is-done'}">
<p class="eyebrow">${escapeHtml(search)} search</p>
<h1>${escapeHtml(name)}</h1>
<p><span class="status">${live ? 'running' : 'done'}</span></p>
<progress max="1" value="${(done / Math.max(trials.length, 1)).toFixed(4)}" aria-label="Share of all trials"></progress>
<ul class="verdict">${sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('')}</ul>
</header>`;
}

function against(view: SweepView, varied: readonly string[]): string {
  const plots = againstPlots(view, varied);
  if (plots.length === 0) return '';
  const figure = ({ title, svg, names }: AgainstPlot): string =>
    `<figure><figcaption>${escapeHtml(title)}</figcaption>${svg}
<ul class="key small">${names.map((name, n) => `<li class="model-${n % 6}">${escapeHtml(name)}</li>`).join('')}</ul></figure>`;
  return `<section><h2>Accuracy against ${escapeHtml(plots[0].place)}</h2>
<p class="note">Means over seeds. The bands reach from the lowest to the highest end of the seeds' 95 % intervals (Wilson).</p>
<div class="figures">${plots.map(figure).join('\n')}</div></section>`;
}

function lines({ figures: [objective] }: SweepView, order: readonly SweepTrial[], varied: readonly string[]): string {
  const svg = parallelAxes(order, varied, objective);
  if (svg === undefined) return '';
  return `<section><h2>All trials</h2><p class="note">A line for each; the better, the darker. Point at one to see which it is.</p>
<figure>${svg}</figure></section>`;
}

function best({ figures }: SweepView, order: readonly SweepTrial[], varied: readonly string[]): string {
  if (order.length === 0) return '';
  const heads = ['trial', ...varied.map(shortName), 'seed', ...figures, 'state', 'results'];
  const rows = order.slice(0, shown.page).map((trial) => {
    const cells = [...cellsOf(trial, varied, figures), trial.state, trial.hash ?? ''];
    return `<tr><th>${trial.number}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
  });
  return `<section><h2>Best trials</h2>${order.length > shown.page ? `<p class="note">${shown.page} of ${order.length}.</p>` : ''}
<div class="scroll"><table><thead><tr>${heads.map((head) => `<th>${escapeHtml(head)}</th>`).join('')}</tr></thead>
<tbody>${rows.join('')}</tbody></table></div></section>`;
}

function failures({ trials }: SweepView): string {
  const failed = trials.filter(({ state }) => state === 'failed').slice(0, shown.failures);
  if (failed.length === 0) return '';
  const items = failed.map(({ number, error = '' }) => `<li>trial ${number}: ${escapeHtml(error)}</li>`);
  return `<section><h2>Failures</h2><ul class="warnings">${items.join('')}</ul></section>`;
}

function facts({ folder, versions, written, trials }: SweepView, varied: readonly string[]): string {
  const same = Object.entries(trials[0]?.options ?? {}).filter(([place]) => !varied.includes(place));
  return `<section><h2>The sweep</h2>${factList([
    ...same.map(([place, value]): [string, string] => [place, optionText(value)]),
    ['Folder', folder],
    ['Versions', `kwta ${versions.kwta}, ${versions.platform}`],
    ['Written', dateText(written)],
  ])}</section>`;
}
