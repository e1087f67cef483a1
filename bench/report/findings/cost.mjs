/**
 * Cost against gamma, batch and width, with a line fitted through the convolutions' times over small gamma: where it
 * meets gamma 0 is what a convolution costs that has nothing to do.
 */
import { milliseconds, peersOf, percent } from '../blocks.mjs';

/**
 * @typedef {import('../blocks.mjs').Result} Result
 * @typedef {import('../blocks.mjs').Block} Block
 * @typedef {import('../blocks.mjs').Series} Series
 */

/** Gammas that the line is fitted through. */
const fitted = { from: 0.02, to: 0.3 };

/** @param {Result[]} results @returns {Block[]} */
export function costFindings(results) {
  const sweeps = new Map(results.flatMap(({ sweep }) => (sweep ? [[`${sweep.over}: ${sweep.of}`, sweep]] : [])));
  const plots = [...sweeps.values()].map(({ over, of }) => {
    const its = results.filter(({ sweep }) => sweep?.over === over && sweep.of === of);
    return { over, of, series: peersOf(its).flatMap((peer, i) => seriesOf(its, peer, i, over)) };
  });
  return [
    ...fitTable(plots),
    ...plots.map(({ over, of, series }) => ({
      type: /** @type {const} */ ('lines'),
      title: `${of}, against ${over}`,
      x: { label: over, log: over !== 'gamma' },
      y: { label: 'ms per sample', log: over === 'width' },
      series,
    })),
  ];
}

/**
 * Milliseconds per sample of a peer, by variant; passes of a convolution are summed.
 * @param {Result[]} results of one sweep
 * @param {string} peer
 * @param {number} color
 * @param {string} over
 * @returns {Series[]}
 */
function seriesOf(results, peer, color, over) {
  const variants = new Set(results.flatMap(({ timings }) => timings.map(({ variant }) => variant)));
  const places = [...new Set(results.map(({ sweep }) => sweep?.at ?? 0))];
  return [...variants].map((variant) => {
    /** @type {[number, number][]} */
    const points = places.flatMap((at) => {
      const here = results.filter(({ sweep }) => sweep?.at === at);
      const perSample = here.map(({ timings, samples = 1 }) => {
        const timing = timings.find((timing) => timing.peer === peer && timing.variant === variant);
        return (timing?.minimum ?? Number.NaN) / samples;
      });
      const sum = perSample.reduce((a, b) => a + b, 0);
      return Number.isNaN(sum) ? [] : [/** @type {[number, number]} */ ([at, sum])];
    });
    const dense = variant === 'dense';
    const fit = over === 'gamma' && variant === 'sparse' ? fitLine(points) : undefined;
    return { name: variants.size > 1 ? `${peer}, ${variant}` : peer, color, dashed: dense, points, fit };
  });
}

/** Least squares. @param {[number, number][]} points */
function fitLine(points) {
  const used = points.filter(([x]) => x >= fitted.from && x <= fitted.to);
  if (used.length < 2) return undefined;
  const mean = (/** @type {(point: [number, number]) => number} */ value) =>
    used.reduce((sum, point) => sum + value(point), 0) / used.length;
  const [x, y] = [mean(([x]) => x), mean(([, y]) => y)];
  const slope = mean((point) => (point[0] - x) * (point[1] - y)) / mean((point) => (point[0] - x) ** 2);
  return { intercept: y - slope * x, slope, to: fitted.to };
}

/**
 * @param {{ over: string, of: string, series: Series[] }[]} plots
 * @returns {Block[]}
 */
function fitTable(plots) {
  const rows = plots.flatMap(({ of, series }) =>
    series.flatMap(({ name, color, points, fit }) => {
      if (!fit) return [];
      const dense = series.find((other) => other.color === color && other.dashed)?.points.map(([, y]) => y) ?? [];
      const { intercept, slope } = fit;
      const usual = dense.toSorted((a, b) => a - b)[dense.length >> 1];
      const off = points
        .filter(([x]) => x >= fitted.from && x <= fitted.to)
        .map(([x, y]) => Math.abs(y / (intercept + slope * x) - 1));
      const figures = [intercept, slope, usual].map(milliseconds);
      return [[`${of}: ${name}`, ...figures, percent(intercept / usual), percent(Math.max(...off))]];
    }),
  );
  if (rows.length === 0) return [];
  return [
    {
      type: 'table',
      title: `Three passes of a convolution, a line through gamma ${fitted.from} to ${fitted.to}`,
      note: 'ms per sample; "off" is the largest distance of a point from the line, of the line.',
      head: ['', 'at gamma 0', 'per gamma 1', 'dense', 'at 0 / dense', 'off'],
      rows,
    },
  ];
}
