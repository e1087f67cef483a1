/** Bars and dots of accuracies, as SVG text. Colours and type come from the page's style sheet. */
import type { Accuracy } from '../evaluate/report.js';
import { escapeHtml, list, modelTitle, percent, percentRange } from './format.js';
import type { Evaluation, ModelResult } from './result.js';

/** A bar for an accuracy with a whisker for its interval, to stand in a table cell. */
export function whisker({ accuracy, ci95: [low, high] }: Accuracy, model: number): string {
  const x = (fraction: number): string => (2 + 86 * fraction).toFixed(1);
  return (
    `<svg class="whisker model-${model}" viewBox="0 0 90 14" width="90" height="14" aria-hidden="true">` +
    `<rect class="track" x="2" y="4" width="86" height="6" rx="1"/>` +
    `<rect class="bar" x="2" y="4" width="${(86 * accuracy).toFixed(1)}" height="6" rx="1"/>` +
    `<path class="range" d="M${x(low)} 7H${x(high)}M${x(low)} 3.5V10.5M${x(high)} 3.5V10.5"/></svg>`
  );
}

const ROW = 30;
const PLOT = 500;
const TOP = 8;
/** Width of a letter of the labels, generously. */
const LETTER = 7.5;

/** One line per attack, one mark per model: what each leaves at this epsilon, with intervals. */
export function dotPlot({ models }: Evaluation, epsilon: number): string {
  const here = models.flatMap(({ attacks }) => attacks.filter((attack) => attack.epsilon === epsilon));
  const names = [...new Set(here.map(({ name }) => name))];
  const find = (model: ModelResult, name: string): Accuracy | undefined =>
    model.attacks.find((attack) => attack.name === name && attack.epsilon === epsilon);
  const rows = [
    { label: 'no attack', figures: models.map((model) => model.clean) },
    ...names.map((name) => ({ label: name, figures: models.map((model) => find(model, name)) })),
    { label: 'worst case', figures: models.map((model) => model.worstCase[epsilon]) },
  ];
  // As wide for every epsilon, so that the axes stand below each other.
  const labels = ['worst case', ...models.flatMap(({ attacks }) => attacks.map(({ name }) => name))];
  const left = 24 + LETTER * Math.max(...labels.map(({ length }) => length));
  const width = left + PLOT + 24;
  const height = TOP + rows.length * ROW;
  const x = (fraction: number): number => left + PLOT * fraction;
  const band = `<rect class="band" x="0" y="${height - ROW}" width="${width}" height="${ROW}" rx="4"/>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (tick) =>
      `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${height}"/>` +
      `<text class="tick" x="${x(tick)}" y="${height + 18}" text-anchor="middle">${100 * tick} %</text>`,
  );
  const lines = rows.map(({ label, figures }, row) => {
    const middle = TOP + (row + 0.5) * ROW;
    const marks = figures.map((figure, index) => {
      const y = middle + 9 * (index - (models.length - 1) / 2);
      return figure ? mark(figure, index, x, y, `${modelTitle(models[index])}, ${label}`) : '';
    });
    const text = `<text x="${left - 16}" y="${middle + 4.5}" text-anchor="end">${escapeHtml(label)}</text>`;
    return text + marks.join('');
  });
  const title = `Accuracy of ${list(models.map(modelTitle))} under each attack at ε = ${epsilon}`;
  return (
    `<svg class="plot" viewBox="0 0 ${width} ${height + 26}" role="img" aria-label="${escapeHtml(title)}">` +
    `${band}${grid.join('')}${lines.join('')}</svg>`
  );
}

function mark(figure: Accuracy, model: number, x: (fraction: number) => number, y: number, what: string): string {
  const [low, high] = figure.ci95.map((bound) => x(bound).toFixed(1));
  const at = x(figure.accuracy);
  const shape =
    model % 2 === 0
      ? `<circle cx="${at.toFixed(1)}" cy="${y}" r="4.5"/>`
      : `<rect x="${(at - 4).toFixed(1)}" y="${y - 4}" width="8" height="8" rx="1"/>`;
  return (
    `<g class="mark model-${model}"><title>${escapeHtml(what)}: ${percent(figure.accuracy)} (${percentRange(figure.ci95)})</title>` +
    `<path class="range" d="M${low} ${y}H${high}"/>${shape}</g>`
  );
}
