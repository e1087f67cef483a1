/** A training run as a page, while it goes on and after it: where it stands, curves, the first batch, options. */
import type { Accuracy } from '../evaluate/report.js';
import { count, dateText, duration, escapeHtml, percent, percentRange } from './format.js';
import { optionText } from './optionText.js';
import { factList, renderPage } from './page.js';
import { pngUri } from './png.js';
import { type PageData, showTraining } from './trainingCharts.js';
import { type LoggedBatch, type LoggedEpoch, trainingCharts } from './trainingCurves.js';

/** How a run stands. */
export type RunState = 'running' | 'interrupted' | 'done' | 'failed';

/** Everything that the page shows. */
export interface TrainingView {
  /** `resNet18, kwta` */
  title: string;
  state: RunState;
  /** How to go on, or what went wrong. */
  message?: string;
  dataset: string;
  images: { training: number; validation?: number; test?: number };
  parameters: number;
  runtime: { variant: string; threads: number };
  /** All options. */
  config: Readonly<Record<string, unknown>> & { epochs: number; batchSize: number };
  batches: readonly LoggedBatch[];
  epochs: readonly LoggedEpoch[];
  /** The images of the first step, augmented. */
  firstBatch: { shape: [number, number, number]; pictures: { caption: string; pixels: Float32Array }[] };
  warnings: readonly string[];
  /** On the test images, in the end. */
  test?: Accuracy;
  versions: { kwta: string; platform: string };
  started: Date;
  /** When this page is written, and how often, in milliseconds. */
  written: Date;
  every: number;
}

/** What draws the charts: uPlot and its style, as text. */
export interface ChartLibrary {
  script: string;
  style: string;
}

const STYLE = `
.is-running .status { background: var(--model-0); color: var(--paper); } .is-done .status { background: var(--model-2); color: var(--paper); }
.is-interrupted .status { background: var(--warn-panel); color: var(--warn); } .is-failed .status { background: var(--fail-panel); color: var(--fail); }
.chart { min-width: 0; } .chart .u-legend { margin: .2rem 0 0; text-align: left; font-size: .8125rem; color: var(--soft); }
.chart .u-legend th, .chart .u-legend td { border: 0; padding: .1rem .25rem; text-align: left; color: var(--ink); }
.chart .u-select { background: color-mix(in oklab, var(--ink) 12%, transparent); }
.figures figure { min-width: 0; }
.batch { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.5rem, 1fr)); gap: .75rem; margin: 1rem 0 0; padding: 0; list-style: none; font-size: .75rem; line-height: 1.3; color: var(--soft); text-align: center; }
.batch img { display: block; width: 100%; height: auto; margin-bottom: .2rem; border-radius: 4px; image-rendering: pixelated; } .batch li { break-inside: avoid; overflow-wrap: anywhere; }
.history caption::before { content: none; }
@media print { .chart .u-wrap { width: 100% !important; height: auto !important; } .chart canvas { width: 100%; height: auto; } .chart .uplot { width: 100%; } .u-legend .u-value { display: none !important; } details::details-content { content-visibility: visible; display: block; } }
`;

/** The page as the text of an HTML file that needs nothing else. */
export function renderTraining(view: TrainingView, library: ChartLibrary): string {
  const { config, batches, epochs, state, written, every, versions } = view;
  const charts = trainingCharts(batches, epochs, config.epochs, config.batchSize);
  const data: PageData = { charts };
  if (state === 'running') data.live = { written: written.getTime(), every };
  const figures = charts.map(
    ({ title, curves }) =>
      `<figure role="img" aria-label="${escapeHtml(`${title} over epochs: ${curves.map(({ name }) => name).join(', ')}`)}"><figcaption>${escapeHtml(title)}</figcaption><div class="chart"></div></figure>`,
  );
  const sections = [
    header(view),
    figures.length === 0
      ? ''
      : `<section><h2>Curves</h2>${note(view)}<div class="figures">${figures.join('\n')}</div></section>`,
    firstBatch(view),
    history(epochs),
    warnings(view),
    facts(view),
  ];
  return renderPage({
    title: `${view.title} (${state})`,
    maker: `kwta ${versions.kwta}`,
    sections,
    style: library.style + STYLE,
    script: `${library.script}\n(${showTraining})(uPlot, ${inScript(data)});`,
  });
}

/** JSON that ends no element. */
function inScript(data: PageData): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

function header(view: TrainingView): string {
  const { title, state, message, dataset, started, batches, epochs, config, test } = view;
  const last = batches.at(-1);
  const share = last === undefined ? 0 : last.step / last.steps;
  const best = epochs.reduce<LoggedEpoch | undefined>(
    (found, event) => ((event.validationAccuracy ?? -1) > (found?.validationAccuracy ?? -1) ? event : found),
    undefined,
  );
  const latest = epochs.at(-1);
  const sentences = [
    message,
    last &&
      `Epoch ${Math.min(last.epoch + 1, config.epochs)} of ${config.epochs}, step ${count(last.step)} of ${count(last.steps)}, ${duration(last.seconds)} of training${state === 'running' ? left(last) : ''}.`,
    latest &&
      `Loss ${latest.loss.toFixed(3)} and accuracy ${percent(latest.accuracy)} in epoch ${latest.epoch + 1}, on the images as trained on.`,
    best?.validationAccuracy !== undefined &&
      latest?.validationAccuracy !== undefined &&
      `Validation accuracy ${percent(latest.validationAccuracy)}; the best was ${percent(best.validationAccuracy)}, after epoch ${best.epoch + 1}.`,
    test &&
      `Test accuracy ${percent(test.accuracy)} (95 % interval ${percentRange(test.ci95)}, ${test.correct}/${test.total}).`,
  ].filter((sentence) => sentence !== undefined && sentence !== false);
  return `<header class="is-${state}">
<p class="eyebrow">${escapeHtml(dataset)} · begun ${escapeHtml(dateText(started))}</p>
<h1>${escapeHtml(title)}</h1>
<p><span class="status">${state}</span></p>
<progress max="1" value="${share.toFixed(4)}" aria-label="Share of all steps"></progress>
<ul class="verdict">${sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('')}</ul>
</header>`;
}

function left({ step, steps, seconds }: LoggedBatch): string {
  return `; about ${duration((seconds / step) * (steps - step))} left`;
}

function note({ config }: TrainingView): string {
  return `<p class="note">Training loss and accuracy are those of the batches as trained on (${escapeHtml(optionText(config.regime))});
neighbouring ones are averaged. Drag over a chart for a closer look, double-click to go back.</p>`;
}

function firstBatch({ firstBatch: { shape, pictures } }: TrainingView): string {
  const channels = shape[0] === 3 ? 3 : 1;
  const items = pictures.map(
    ({ caption, pixels }) =>
      `<li><img src="${pngUri([channels, shape[1], shape[2]], pixels)}" width="${shape[2]}" height="${shape[1]}" alt="">${escapeHtml(caption)}</li>`,
  );
  return `<section><h2>The first batch</h2>
<p class="note">Images of the first step, augmented, before any attack: what the network is shown.${channels === shape[0] ? '' : ' Their first channel.'}</p>
<ul class="batch">${items.join('\n')}</ul></section>`;
}

function history(epochs: readonly LoggedEpoch[]): string {
  if (epochs.length === 0) return '';
  const columns: [string, (event: LoggedEpoch) => string | undefined][] = [
    ['epoch', ({ epoch }) => String(epoch + 1)],
    ['loss', ({ loss }) => loss.toFixed(4)],
    ['accuracy', ({ accuracy }) => percent(accuracy)],
    ['validation', ({ validationAccuracy: value }) => (value === undefined ? undefined : percent(value))],
    ['gamma', ({ gamma }) => gamma?.toString()],
    ['images/s', ({ imagesPerSecond }) => count(imagesPerSecond)],
    ['time', ({ seconds }) => duration(seconds)],
  ];
  const used = columns.filter(([, cell]) => epochs.some((event) => cell(event) !== undefined));
  const rows = epochs.map((event) => `<tr>${used.map(([, cell]) => `<td>${cell(event) ?? ''}</td>`).join('')}</tr>`);
  return `<section><h2>Epochs</h2><details${epochs.length > 30 ? '' : ' open'}><summary>${epochs.length} in figures</summary>
<div class="scroll"><table class="history"><thead><tr>${used.map(([title]) => `<th>${title}</th>`).join('')}</tr></thead>
<tbody>${rows.join('')}</tbody></table></div></details></section>`;
}

function warnings({ warnings: all }: TrainingView): string {
  if (all.length === 0) return '';
  return `<section><h2>Warnings</h2><ul class="warnings">${all.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul></section>`;
}

function facts({ config, images, parameters, runtime, versions, written }: TrainingView): string {
  const sizes = Object.entries(images).flatMap(([kind, number]) =>
    number === undefined ? [] : [`${count(number)} ${kind}`],
  );
  const options = Object.entries(config).map(([key, value]): [string, string] => [key, optionText(value)]);
  return `<section><h2>The run</h2>
${factList([
  ['Images', sizes.join(', ')],
  ['Parameters', count(parameters)],
  ...options.filter(([, text]) => text !== ''),
  ['Runtime', `${runtime.variant}, ${runtime.threads} ${runtime.threads === 1 ? 'thread' : 'threads'}`],
  ['Versions', `kwta ${versions.kwta}, ${versions.platform}`],
  ['Written', dateText(written)],
])}</section>`;
}
