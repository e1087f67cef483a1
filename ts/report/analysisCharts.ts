/** Pictures of analyses as SVG text. Colours and type come from the page's style sheet. */
import type { Jumps } from '../analysis/jumps.js';
import type { Landscape } from '../analysis/landscape.js';
import type { LinearRegions } from '../analysis/linearRegions.js';
import type { PatternChange } from '../analysis/patternChange.js';
import { largest, niceStep, plain, plot, wholePercent } from './curves.js';
import { count, escapeHtml } from './format.js';

/** A logit along a segment. */
export interface Trace {
  t: number[];
  logits: number[];
}

/** The logit of one class along a segment; `all` are the traces that the axis has room for. */
export function traceCurve(name: string, model: number, { t, logits }: Trace, all: readonly Trace[]): string {
  const top = largest(all, (trace) => largest(trace.logits, (value) => value));
  const low = -largest(all, (trace) => largest(trace.logits, (value) => -value));
  const rise = niceStep(top - low);
  return plot([{ model, points: t.map((x, i) => ({ x, y: logits[i] })) }], {
    title: `${name}: the logit goes from ${logits[0].toFixed(2)} to ${logits[logits.length - 1].toFixed(2)}.`,
    unit: 'way from the image (0) to the attacked one (1)',
    end: 1,
    step: 0.25,
    floor: Math.floor(low / rise) * rise,
    // A logit that stays has an axis, too.
    ceiling: Math.max(Math.ceil(top / rise), Math.floor(low / rise) + 1) * rise,
    rise,
    label: plain,
  });
}

/** Least height that is drawn: below, float32 tells little. */
const leastHeight = 1e-5;

/** How high the logits jump, and where, as sticks on a logarithmic scale. */
export function jumpSticks(name: string, model: number, jumps: Jumps, all: readonly Jumps[]): string {
  const heights = (some: Jumps): number[] => some.events.map(({ height }) => height).filter((h) => h >= leastHeight);
  const top = largest(all, (some) => largest(heights(some), Math.log10));
  const points = jumps.events
    .filter(({ height }) => height >= leastHeight)
    .map(({ t, height }) => ({ x: t, y: Math.log10(height) }));
  return plot([{ model, points, sticks: true }], {
    title: `${name}: ${count(points.length)} jumps of the logits of at least ${leastHeight}.`,
    unit: 'way from the image (0) to the attacked one (1)',
    end: 1,
    step: 0.25,
    floor: Math.log10(leastHeight),
    ceiling: Math.max(Math.ceil(top), 0),
    rise: 1,
    label: powerOfTen,
  });
}

/** Share of the regions that are shorter, over their length. */
export function lengthCurves(names: readonly string[], all: readonly LinearRegions[]): string {
  const series = all.map(({ segments }, model) => {
    const lengths = segments.flatMap(({ lengths: parts, length }) => parts.map((part) => part * length));
    const sorted = Float64Array.from(lengths.filter((length) => length > 0)).sort();
    const picked = Array.from({ length: 101 }, (_, i) => Math.round((i / 100) * (sorted.length - 1)));
    return { model, points: picked.map((i) => ({ x: Math.log10(sorted[i]), y: (i + 1) / sorted.length })) };
  });
  const start = Math.floor(-largest(series, ({ points }) => -points[Math.min(2, points.length - 1)].x));
  const end = Math.ceil(largest(series, ({ points }) => points[points.length - 1].x));
  const shown = series.map(({ model, points }) => ({ model, points: points.filter(({ x }) => x >= start) }));
  const medians = all.map(({ lengths }, i) => `${names[i]} ${lengths.median.toPrecision(2)}`);
  return plot(shown, {
    title: `Share of linear regions that are shorter than a length; medians: ${medians.join(', ')}.`,
    unit: 'length of a region (Euclidean, pixels from 0 to 1)',
    start,
    end,
    step: 1,
    columnLabel: powerOfTen,
    ceiling: 1,
    rise: 0.25,
    label: wholePercent,
  });
}

/** Share of the winners that changed, over the distance, a curve for each layer. */
export function changeCurves(name: string, { distances, layers }: PatternChange, ceiling: number): string {
  const end = largest(distances.l2, (value) => value);
  const ends = layers.map(
    ({ layer, share }) => `${layer} ${wholePercent(Math.round(1000 * share[share.length - 1]) / 1000)}`,
  );
  const rise = ceiling <= 0.25 ? 0.05 : 0.25;
  return plot(
    layers.map(({ share }, i) => ({ model: i % 6, points: share.map((y, r) => ({ x: distances.l2[r], y })) })),
    {
      title: `${name}: share that changed at the end, by layer: ${ends.join(', ')}.`,
      unit: 'Euclidean distance',
      end,
      step: niceStep(end),
      ceiling: Math.max(1, Math.ceil(ceiling / rise)) * rise,
      rise,
      label: wholePercent,
    },
  );
}

const PLANE = 300;
const EDGE = 34;

/** The loss on a plane as a heat map; a line surrounds where the class is another one. */
export function heatMap(
  name: string,
  { offsets, losses, classes, label }: Landscape,
  low: number,
  high: number,
): string {
  const n = offsets.length;
  const cell = PLANE / n;
  const at = (i: number): string => (EDGE + i * cell).toFixed(2);
  // Up is up the second direction.
  const y = (j: number): string => (EDGE / 4 + (n - 1 - j) * cell).toFixed(2);
  const cells = losses.flatMap((row, j) =>
    row.map((loss, i) => {
      const heat = high > low ? (loss - low) / (high - low) : 0;
      return `<rect x="${at(i)}" y="${y(j)}" width="${cell.toFixed(2)}" height="${cell.toFixed(2)}" fill-opacity="${heat.toFixed(3)}"/>`;
    }),
  );
  const wrong = (i: number, j: number): boolean => classes[j][i] !== label;
  const border: string[] = [];
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      if (i > 0 && wrong(i, j) !== wrong(i - 1, j)) border.push(`M${at(i)} ${y(j)}v${cell.toFixed(2)}`);
      if (j > 0 && wrong(i, j) !== wrong(i, j - 1)) border.push(`M${at(i)} ${y(j - 1)}h${cell.toFixed(2)}`);
    }
  }
  const extent = offsets[n - 1];
  const mark = plain(Math.round(1e4 * extent) / 1e4);
  const bottom = EDGE / 4 + PLANE;
  const ticks = [-1, 0, 1].map((side) => {
    const text = side === 0 ? '0' : side < 0 ? `−${mark}` : mark;
    const middle = EDGE + (PLANE * (side + 1)) / 2;
    const anchor = side < 0 ? 'start' : side > 0 ? 'end' : 'middle';
    return `<text class="tick" x="${middle}" y="${bottom + 17}" text-anchor="${anchor}">${text}</text>`;
  });
  const share = classes.flat().filter((found) => found !== label).length / n ** 2;
  const title = `${name}: loss from ${low.toPrecision(2)} to ${high.toPrecision(2)}; another class on ${wholePercent(Math.round(1000 * share) / 1000)} of the plane.`;
  return (
    `<svg class="plane" viewBox="0 0 ${PLANE + EDGE + 4} ${bottom + 40}" role="img" aria-label="${escapeHtml(title)}">` +
    `<rect class="ground" x="${EDGE}" y="${EDGE / 4}" width="${PLANE}" height="${PLANE}"/><g class="heat-cells">${cells.join('')}</g>` +
    `<path class="border" d="${border.join('')}"/>${ticks.join('')}` +
    `<text class="tick" x="${EDGE + PLANE / 2}" y="${bottom + 32}" text-anchor="middle">signs of the gradient</text>` +
    `<text class="tick" transform="translate(${EDGE - 12} ${EDGE / 4 + PLANE / 2}) rotate(-90)" text-anchor="middle">random signs</text></svg>`
  );
}

/** `10⁻³`. */
function powerOfTen(exponent: number): string {
  const digits = [...String(Math.round(exponent))].map((sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)]));
  return `10${digits.join('')}`;
}
