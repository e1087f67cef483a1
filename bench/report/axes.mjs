/** Axes of the plots: scales, ticks, grid and labels, as SVG text. */
import { escapeHtml } from '../../dist/report/format.js';

/** @typedef {import('./blocks.mjs').Axis} Axis */

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} at  position of a value
 * @property {number[]} ticks
 */

/**
 * A scale whose ends are round numbers; a linear one begins at 0.
 * @param {number[]} values
 * @param {[number, number]} range positions of its ends
 * @param {boolean} log
 * @param {number} [base] of a logarithmic scale's ticks
 * @returns {Scale}
 */
export function scale(values, [first, last], log, base = 10) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const place = (/** @type {number} */ fraction) => first + (last - first) * fraction;
  if (!log) {
    const step = niceStep(high || 1);
    const top = step * Math.ceil((high || 1) / step - 1e-9);
    const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
    return { at: (value) => place(value / top), ticks };
  }
  const exponent = (/** @type {number} */ value) => Math.log(value) / Math.log(base);
  const from = Math.floor(exponent(low) + 1e-9);
  const to = Math.max(from + 1, Math.ceil(exponent(high) - 1e-9));
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => base ** (from + i));
  return { at: (value) => place((exponent(value) - from) / (to - from)), ticks };
}

/** A round number that divides 0 to `top` into about five. @param {number} top */
function niceStep(top) {
  const rough = top / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough - 1e-12) ?? 10);
}

/**
 * Grid and labels.
 * @param {{ left: number, right: number, top: number, bottom: number }} frame
 * @param {Scale} x
 * @param {string} xLabel
 * @param {Scale} y
 * @param {string} yLabel
 */
export function axes({ left, right, top, bottom }, x, xLabel, y, yLabel) {
  const rows = y.ticks.map((tick) => {
    const at = y.at(tick).toFixed(1);
    return `<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/>${text(left - 8, y.at(tick) + 4, tick, 'end')}`;
  });
  const columns = x.ticks.map((tick) => {
    const at = x.at(tick).toFixed(1);
    return `<line class="grid" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/>${text(x.at(tick), bottom + 18, tick, 'middle')}`;
  });
  const labels = [
    `<text class="tick" x="${(left + right) / 2}" y="${bottom + 36}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
    `<text class="tick" x="${left}" y="${top - 10}" text-anchor="start">${escapeHtml(yLabel)}</text>`,
  ];
  return [...rows, ...columns, ...labels].join('');
}

/** @type {(x: number, y: number, value: number, anchor: string) => string} */
const text = (x, y, value, anchor) =>
  `<text class="tick" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${Number(value.toPrecision(4))}</text>`;
