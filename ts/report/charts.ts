/** The report's graphics, as SVG text. Colours and type come from the page's style sheet. */
import type { Accuracy } from '../evaluate/report.js';
import { escapeHtml, list, modelTitle, percent, percentRange } from './format.js';
import type { Evaluation, HistoryPoint, ModelResult } from './result.js';

/** A bar for an accuracy with a whisker for its interval, to stand in a table cell. */
export function whisker({ accuracy, ci95: [low, high] }: Accuracy, model: number): string {
  const x = (fraction: number): string => (2 + 116 * fraction).toFixed(1);
  return (
    `<svg class="whisker model-${model}" viewBox="0 0 120 14" width="120" height="14" aria-hidden="true">` +
    `<rect class="track" x="2" y="4" width="116" height="6" rx="1"/>` +
    `<rect class="bar" x="2" y="4" width="${(116 * accuracy).toFixed(1)}" height="6" rx="1"/>` +
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
  const left = 24 + LETTER * largest(labels, ({ length }) => length);
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

/** How many points a curve shows at most; more are averaged. */
const CURVE_POINTS = 60;
const CURVE_WIDTH = 440;
const CURVE_HEIGHT = 220;
const MARGIN = { left: 48, right: 12, top: 10, bottom: 38 };

/** A training curve over epochs for each model that has one. */
export function curves(models: ModelResult[], quantity: 'loss' | 'accuracy'): string {
  const series = models
    .map((model, index) => ({ model, index, points: thin(model.history ?? []) }))
    .filter(({ points }) => points.length > 0);
  const epochs = largest(models, ({ history = [] }) => largest(history, ({ epoch }) => epoch));
  const highest = largest(series, ({ points }) => largest(points, (point) => point[quantity]));
  const step = quantity === 'accuracy' ? 0.25 : niceStep(highest);
  const ceiling = quantity === 'accuracy' ? 1 : Math.ceil(highest / step) * step;
  const right = CURVE_WIDTH - MARGIN.right;
  const bottom = CURVE_HEIGHT - MARGIN.bottom;
  const x = (epoch: number): string => (MARGIN.left + ((right - MARGIN.left) * epoch) / epochs).toFixed(1);
  const y = (value: number): number => bottom - ((bottom - MARGIN.top) * value) / ceiling;
  const text = (value: number): string => (quantity === 'accuracy' ? percent(value) : value.toFixed(2));
  const rows = ticks(ceiling, step).map(
    (value) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}"/>` +
      `<text class="tick" x="${MARGIN.left - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">` +
      `${quantity === 'accuracy' ? `${100 * value} %` : Number(value.toFixed(6))}</text>`,
  );
  const columns = ticks(epochs, Math.max(1, niceStep(epochs))).map(
    (epoch) => `<text class="tick" x="${x(epoch)}" y="${bottom + 18}" text-anchor="middle">${epoch}</text>`,
  );
  const unit = `<text class="tick" x="${(MARGIN.left + right) / 2}" y="${bottom + 32}" text-anchor="middle">epochs</text>`;
  const lines = series.map(({ points, index }) => {
    const path = points.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.epoch)} ${y(point[quantity]).toFixed(1)}`);
    return `<path class="curve model-${index}" d="${path.join('')}"/>`;
  });
  const ends = series.map(
    ({ model, points }) => `${modelTitle(model)} ends at ${text(points[points.length - 1][quantity])}`,
  );
  return (
    `<svg class="plot" viewBox="0 0 ${CURVE_WIDTH} ${CURVE_HEIGHT}" role="img" ` +
    `aria-label="${escapeHtml(`Training ${quantity} over epochs: ${list(ends)}.`)}">` +
    `${rows.join('')}${columns.join('')}${unit}${lines.join('')}</svg>`
  );
}

/** 0, `step`, ... up to `end`. */
function ticks(end: number, step: number): number[] {
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Means of neighbouring points, so that at most `CURVE_POINTS` are left. */
function thin(history: HistoryPoint[]): HistoryPoint[] {
  const size = Math.ceil(history.length / CURVE_POINTS);
  const groups = Array.from({ length: Math.ceil(history.length / size) }, (_, i) =>
    history.slice(i * size, (i + 1) * size),
  );
  const mean = (group: HistoryPoint[], key: keyof HistoryPoint): number =>
    group.reduce((sum, point) => sum + point[key], 0) / group.length;
  return groups.map((group) => ({
    epoch: mean(group, 'epoch'),
    loss: mean(group, 'loss'),
    accuracy: mean(group, 'accuracy'),
  }));
}

/** The largest of values that may be too many to be arguments of `Math.max`. */
function largest<T>(things: readonly T[], measure: (thing: T) => number): number {
  return things.reduce((highest, thing) => Math.max(highest, measure(thing)), Number.NEGATIVE_INFINITY);
}

/** A round number that divides 0 to `top` into about four. */
function niceStep(top: number): number {
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough - 1e-12) ?? 10);
}
