/**
 * What a report consists of: blocks of plain data, which tables.mjs shows in a terminal and page.mjs on a page.
 *
 * @typedef {{ type: 'table', title: string, note?: string, head: string[], rows: string[][], details?: boolean }} Table
 *   `details`: folded away on a page
 * @typedef {{ type: 'bars', title: string, unit: string, bars: { label: string, family: Family, value: number }[] }} Bars
 *
 * @typedef {{ name: string, color: number, dashed?: boolean, points: [x: number, y: number][], fit?: Fit }} Series
 * @typedef {{ intercept: number, slope: number, to: number }} Fit  a line from 0 to `to`
 * @typedef {{ type: 'lines', title: string, x: Axis, y: Axis, series: Series[] }} Lines
 * @typedef {{ label: string, log?: boolean }} Axis
 *
 * @typedef {{ name: string, value: number }} Limit  GFLOP/s, or GB/s
 * @typedef {{ label: string, color: number, intensity: number, rate: number }} Place  FLOP/byte, GFLOP/s
 * @typedef {{ type: 'roofline', title: string, peak: Limit, bandwidths: Limit[], places: Place[],
 *             key: string[] }} Roofline  `key`: what each colour means
 *
 * @typedef {Table | Bars | Lines | Roofline} Block
 * @typedef {'ours' | 'wasm' | 'native'} Family
 * @typedef {import('../harness.mjs').Result} Result
 * @typedef {import('../harness.mjs').Timing} Timing
 */

/** @type {(timing: { peer: string, variant: string }) => Family} */
export function familyOf({ peer, variant }) {
  if (peer.startsWith('kwta') || (peer.startsWith('wasm') && variant === 'kwta')) return 'ours';
  return /wasm|onnxruntime-web|jax/.test(peer) ? 'wasm' : 'native';
}

/** @param {number} value */
export const milliseconds = (value) => (value < 10 ? value.toPrecision(3) : value.toFixed(1));

/** @param {number} fraction */
export const percent = (fraction) => `${(100 * fraction).toFixed(0)} %`;

/** `3.1x`, or nothing when a side is missing. @param {number | undefined} value */
export const times = (value) => (value === undefined || Number.isNaN(value) ? '' : `${value.toFixed(2)}x`);

/** GFLOP/s of the work that a variant really does. @param {Timing} timing */
export const rateOf = ({ work = 0, minimum }) => work / minimum / 1e6;

/**
 * The table of one task, fastest first. `of kwta` is the time as a multiple of the fastest of ours.
 * @param {Result} result
 * @returns {Table}
 */
export function resultTable({ task, flops, samples, timings, wrong }) {
  const sorted = timings.toSorted((a, b) => a.minimum - b.minimum);
  const ours = sorted.find((timing) => familyOf(timing) === 'ours')?.minimum;
  /** @type {[head: string, cell: (timing: Timing) => string, wanted?: unknown][]} */
  const columns = [
    ['', ({ peer, variant }) => `${peer}: ${variant}`],
    ['minimum', ({ minimum }) => milliseconds(minimum)],
    ['median', ({ median }) => milliseconds(median)],
    ['ms/sample', ({ minimum }) => milliseconds(minimum / (samples ?? 1)), samples],
    ['GFLOP/s', ({ minimum }) => ((flops ?? 0) / minimum / 1e6).toFixed(1), flops],
    [
      'of peak',
      (timing) => (timing.peak ? percent((1e6 * rateOf(timing)) / timing.peak) : ''),
      timings.some(({ peak }) => peak),
    ],
    ['GB/s', ({ bytes, minimum }) => ((bytes ?? 0) / minimum / 1e6).toFixed(1), !flops && timings[0]?.bytes],
    ['of kwta', ({ minimum }) => times(ours && minimum / ours), ours],
  ];
  const wanted = columns.filter(([, , wanted], i) => i < 3 || wanted);
  return {
    type: 'table',
    title: `${task} (ms)`,
    note: wrong.map((text) => `not timed: ${text}`).join('\n'),
    head: wanted.map(([head]) => head),
    rows: sorted.map((timing) => wanted.map(([, cell]) => cell(timing))),
    details: true,
  };
}

/**
 * The bars of one task: GFLOP/s of the dense operation, or milliseconds.
 * @param {Result} result
 * @returns {Bars}
 */
export function resultBars({ task, flops, samples, timings }) {
  const value = (/** @type {number} */ ms) => (flops ? flops / ms / 1e6 : ms / (samples ?? 1));
  return {
    type: 'bars',
    title: task,
    unit: flops ? 'GFLOP/s' : samples ? 'ms per sample' : 'ms',
    bars: timings
      .toSorted((a, b) => a.minimum - b.minimum)
      .map((timing) => ({
        label: `${timing.peer}: ${timing.variant}`,
        family: familyOf(timing),
        value: value(timing.minimum),
      })),
  };
}

/**
 * The minimum of a peer, over its variants whose names pass.
 * @param {Result | undefined} result
 * @param {string} peer
 * @param {(variant: string) => boolean} [passes]
 */
export function best(result, peer, passes = () => true) {
  const its = result?.timings.filter((timing) => timing.peer === peer && passes(timing.variant)) ?? [];
  return its.toSorted((a, b) => a.minimum - b.minimum).at(0);
}

/** Names of the peers in these results, in their order. @param {Result[]} results */
export const peersOf = (results) => [...new Set(results.flatMap(({ timings }) => timings.map(({ peer }) => peer)))];
