/** Curves over epochs and over radii, as SVG text. Colours and type come from the page's style sheet. */
import { escapeHtml, list, modelTitle, percent } from './format.js';
import type { Evaluation, HistoryPoint, ModelResult } from './result.js';

const WIDTH = 440;
const HEIGHT = 220;
const MARGIN = { left: 48, right: 12, top: 10, bottom: 38 };
const right = WIDTH - MARGIN.right;
const bottom = HEIGHT - MARGIN.bottom;

/** How many points a training curve shows at most; more are averaged. */
const CURVE_POINTS = 60;

/** A point of a curve. */
export interface Point {
  x: number;
  y: number;
  /** Where it may really lie. */
  range?: readonly [number, number];
}

/** The curve of the model of this number. */
export interface Series {
  model: number;
  points: Point[];
  /** Each point stands alone on a line from below. */
  sticks?: boolean;
}

/** What stands at the edges of a plot. */
export interface Axes {
  /** What the picture shows, for those who do not see it. */
  title: string;
  /** What is along the lower edge, from where (0 when left out) to where, and how many it steps by. */
  unit: string;
  start?: number;
  end: number;
  step: number;
  /** What stands at such a step; the number when left out. */
  columnLabel?: (value: number) => string;
  /** Of the values; 0 when left out. */
  floor?: number;
  ceiling: number;
  /** Of the lines across. */
  rise: number;
  /** What stands at such a line. */
  label: (value: number) => string;
}

/** A training curve over epochs for each model that has one. */
export function curves(models: ModelResult[], quantity: 'loss' | 'accuracy'): string {
  const known = models
    .map((model, index) => ({ title: modelTitle(model), model: index, history: thin(model.history ?? []) }))
    .filter(({ history }) => history.length > 0);
  const end = largest(models, ({ history = [] }) => largest(history, ({ epoch }) => epoch));
  const highest = largest(known, ({ history }) => largest(history, (point) => point[quantity]));
  const isShare = quantity === 'accuracy';
  const rise = isShare ? 0.25 : niceStep(highest);
  const text = (value: number): string => (isShare ? percent(value) : value.toFixed(2));
  const ends = known.map(({ title, history }) => `${title} ends at ${text(history[history.length - 1][quantity])}`);
  return plot(
    known.map(({ model, history }) => ({ model, points: history.map((p) => ({ x: p.epoch, y: p[quantity] })) })),
    {
      title: `Training ${quantity} over epochs: ${list(ends)}.`,
      unit: 'epochs',
      end,
      step: Math.max(1, niceStep(end)),
      ceiling: isShare ? 1 : Math.ceil(highest / rise) * rise,
      rise,
      label: isShare ? wholePercent : plain,
    },
  );
}

/** Accuracy in the worst case over radii, for each model whose curve was measured. */
export function securityCurves(models: ModelResult[], norm: Evaluation['norm']): string {
  const known = models.flatMap((model, index) => (model.curve === undefined ? [] : [{ model, index, ...model.curve }]));
  // Where nothing has been right for long, there is nothing to see.
  const end = largest(
    known,
    ({ points }) => (points.find(({ correct }) => correct === 0) ?? points[points.length - 1]).epsilon,
  );
  const ends = known.map(({ model, points }) => {
    const zero = points.find(({ correct }) => correct === 0);
    const last = points[points.length - 1];
    return `${modelTitle(model)} ${zero ? `is broken at ${plain(zero.epsilon)}` : `keeps ${percent(last.accuracy)} at ${plain(last.epsilon)}`}`;
  });
  return plot(
    known.map(({ index, model, points }) => ({
      model: index,
      points: [{ epsilon: 0, ...model.clean }, ...points.filter(({ epsilon }) => epsilon > 0 && epsilon <= end)].map(
        ({ epsilon, accuracy, ci95 }) => ({ x: epsilon, y: accuracy, range: ci95 }),
      ),
    })),
    {
      title: `Accuracy in the worst case over the radius ε: ${list(ends)}.`,
      unit: norm === 'l0' ? 'ε, values that differ' : 'ε',
      end,
      step: niceStep(end),
      ceiling: 1,
      rise: 0.25,
      label: wholePercent,
    },
  );
}

/** Curves over a common axis. */
export function plot(series: Series[], axes: Axes): string {
  const { title, unit, start = 0, end, step, columnLabel = plain, floor = 0, ceiling, rise, label } = axes;
  const x = (value: number): string =>
    (MARGIN.left + ((right - MARGIN.left) * (value - start)) / (end - start || 1)).toFixed(1);
  const y = (value: number): string =>
    (bottom - ((bottom - MARGIN.top) * (value - floor)) / (ceiling - floor)).toFixed(1);
  const rows = ticks(floor, ceiling, rise).map(
    (value) =>
      `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}"/>` +
      `<text class="tick" x="${MARGIN.left - 8}" y="${(Number(y(value)) + 4).toFixed(1)}" text-anchor="end">${label(value)}</text>`,
  );
  const columns = ticks(start, end, step).map(
    (value) =>
      `<text class="tick" x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${columnLabel(value)}</text>`,
  );
  const below = `<text class="tick" x="${(MARGIN.left + right) / 2}" y="${bottom + 32}" text-anchor="middle">${unit}</text>`;
  const path = (points: readonly { x: number; y: number }[]): string =>
    points.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.x)} ${y(point.y)}`).join('');
  const areas = series.map(({ model, points }) => {
    const bounded = points.flatMap(({ x, range }) => (range === undefined ? [] : [{ x, range }]));
    if (bounded.length === 0) return '';
    const upper = bounded.map(({ x, range }) => ({ x, y: range[1] }));
    const lower = bounded.map(({ x, range }) => ({ x, y: range[0] })).reverse();
    return `<path class="interval-band model-${model}" d="${path([...upper, ...lower])}Z"/>`;
  });
  const lines = series.map(({ model, points, sticks }) =>
    sticks
      ? `<path class="sticks model-${model}" d="${points.map((point) => `M${x(point.x)} ${bottom}V${y(point.y)}`).join('')}"/>`
      : `<path class="curve model-${model}" d="${path(points)}"/>`,
  );
  return (
    `<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">` +
    `${rows.join('')}${columns.join('')}${below}${areas.join('')}${lines.join('')}</svg>`
  );
}

/** `25 %`. */
export function wholePercent(value: number): string {
  return `${Number((100 * value).toFixed(6))} %`;
}

/** At most six places. */
export function plain(value: number): string {
  return String(Number(value.toFixed(6)));
}

/** Multiples of `step` from `start` up to `end`. */
function ticks(start: number, end: number, step: number): number[] {
  const first = Math.ceil(start / step - 1e-9);
  return Array.from({ length: Math.floor(end / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
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
export function largest<T>(things: readonly T[], measure: (thing: T) => number): number {
  return things.reduce((highest, thing) => Math.max(highest, measure(thing)), Number.NEGATIVE_INFINITY);
}

/** A round number that divides 0 to `top` into about four. */
export function niceStep(top: number): number {
  if (!(top > 0)) return 1;
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough - 1e-12) ?? 10);
}
