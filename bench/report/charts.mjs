/** The plots of the page, as SVG text. Colours come from its style sheet: class `model-N` is the N-th. */
import { escapeHtml } from '../../dist/report/format.js';
import { axes, scale } from './axes.mjs';
import { milliseconds } from './blocks.mjs';

/** Width of a letter of the labels, generously. */
const LETTER = 7.4;
const ROW = 20;
const WIDTH = 560;
const HEIGHT = 320;
const frame = { left: 56, right: WIDTH - 16, top: 26, bottom: HEIGHT - 46 };
/** @type {Record<import('./blocks.mjs').Family, number>} */
export const familyColors = { ours: 0, wasm: 1, native: 2 };

/**
 * @param {number} width
 * @param {number} height
 * @param {string} title
 * @param {string} content
 */
const svg = (width, height, title, content) =>
  `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${content}</svg>`;

/** One bar a line, its figure at its end. @param {import('./blocks.mjs').Bars} block */
export function bars({ title, unit, bars }) {
  const left = 12 + LETTER * Math.max(...bars.map(({ label }) => label.length));
  const width = left + 310;
  const most = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ label, family, value }, row) => {
    const y = row * ROW;
    const length = Math.max(1, (240 * value) / most);
    return (
      `<text x="${left - 10}" y="${y + 14}" text-anchor="end">${escapeHtml(label)}</text>` +
      `<rect class="bar model-${familyColors[family]}" x="${left}" y="${y + 3}" width="${length.toFixed(1)}" height="${ROW - 6}" rx="2"/>` +
      `<text class="tick" x="${(left + length + 6).toFixed(1)}" y="${y + 14}">${milliseconds(value)}</text>`
    );
  });
  return svg(width, bars.length * ROW + 4, `${title}, ${unit}`, rows.join(''));
}

/** Lines through measured points; fitted lines are drawn beneath from 0. @param {import('./blocks.mjs').Lines} block */
export function lines({ title, x: xAxis, y: yAxis, series }) {
  const points = series.flatMap(({ points }) => points);
  const x = scale(
    points.map(([x]) => x),
    [frame.left, frame.right],
    xAxis.log ?? false,
    2,
  );
  const y = scale(
    points.map(([, y]) => y),
    [frame.bottom, frame.top],
    yAxis.log ?? false,
  );
  const at = (/** @type {number} */ horizontal, /** @type {number} */ vertical) =>
    `${x.at(horizontal).toFixed(1)} ${y.at(vertical).toFixed(1)}`;
  const fits = series.flatMap(({ color, fit }) =>
    fit
      ? [
          `<path class="fit model-${color}" d="M${at(0, fit.intercept)}L${at(fit.to, fit.intercept + fit.slope * fit.to)}"/>`,
        ]
      : [],
  );
  const curves = series.map(({ name, color, dashed, points }) => {
    const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${at(x, y)}`).join('');
    const dots = points.map(
      ([horizontal, vertical]) =>
        `<circle cx="${x.at(horizontal).toFixed(1)}" cy="${y.at(vertical).toFixed(1)}" r="3">` +
        `<title>${escapeHtml(`${name}, ${horizontal}: ${milliseconds(vertical)}`)}</title></circle>`,
    );
    return `<g class="series model-${color}"><path class="line${dashed ? ' dashed' : ''}" d="${path}"/>${dots.join('')}</g>`;
  });
  const content = axes(frame, x, xAxis.label, y, yAxis.label);
  return svg(WIDTH, HEIGHT, title, content + fits.join('') + curves.join(''));
}

/** Peak, bandwidths, and where each kernel sits; both scales logarithmic. @param {import('./blocks.mjs').Roofline} block */
export function roofline({ title, peak, bandwidths, places }) {
  const intensities = places.map(({ intensity }) => intensity);
  const rates = [...places.map(({ rate }) => rate), peak.value];
  const x = scale([1 / 16, ...intensities], [frame.left, frame.right], true, 4);
  const y = scale([1, ...rates, 2 * peak.value], [frame.bottom, frame.top], true, 4);
  const [least, greatest] = [x.ticks[0], x.ticks[x.ticks.length - 1]];
  const at = (/** @type {number} */ intensity, /** @type {number} */ rate) =>
    `${x.at(intensity).toFixed(1)} ${y.at(rate).toFixed(1)}`;
  const slopes = bandwidths.map(({ name, value }, i) => {
    const from = Math.max(least, y.ticks[0] / value);
    const knee = peak.value / value;
    // Along the line: above the first, below the second.
    const middle = Math.sqrt(from * knee);
    const [dx, dy] = [x.at(knee) - x.at(from), y.at(peak.value) - y.at(from * value)];
    const angle = (Math.atan2(dy, dx) * 180) / Math.PI;
    const place = `translate(${at(middle, middle * value)}) rotate(${angle.toFixed(1)})`;
    return (
      `<path class="roof" d="M${at(from, from * value)}L${at(knee, peak.value)}"/>` +
      `<text class="tick" transform="${place}" y="${i === 0 ? -7 : 16}" text-anchor="middle">` +
      `${escapeHtml(`${name}, ${value.toFixed(0)} GB/s`)}</text>`
    );
  });
  const knee = Math.min(...bandwidths.map(({ value }) => peak.value / value));
  const top =
    `<path class="roof" d="M${at(knee, peak.value)}L${at(greatest, peak.value)}"/>` +
    `<text class="tick" x="${frame.right}" y="${(y.at(peak.value) - 7).toFixed(1)}" text-anchor="end">` +
    `${escapeHtml(peak.name)}, ${peak.value.toFixed(0)} GFLOP/s</text>`;
  const marks = places.map(({ label, color, intensity, rate }) => {
    const [cx, cy] = [x.at(intensity), y.at(rate)];
    const title = `<title>${escapeHtml(`${label}: ${rate.toFixed(1)} GFLOP/s, ${intensity.toFixed(1)} FLOP/byte`)}</title>`;
    return `<g class="place model-${color}">${shape(color, cx, cy)}${title}</g>`;
  });
  const grid = axes(
    frame,
    x,
    'multiply-adds and additions per byte moved at least (FLOP/byte)',
    y,
    'GFLOP/s of real work',
  );
  return svg(WIDTH, HEIGHT, `Roofline of ${title}`, grid + slopes.join('') + top + marks.join(''));
}

/** A mark whose form says what its colour says. @type {(kind: number, x: number, y: number) => string} */
function shape(kind, x, y) {
  const path = (/** @type {string} */ moves) => `<path d="M${x.toFixed(1)} ${y.toFixed(1)}${moves}Z"/>`;
  if (kind === 0) return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="4.5"/>`;
  return kind === 1 ? path('m-4 -4h8v8h-8') : path('m0 -5.5l5 9h-10');
}
