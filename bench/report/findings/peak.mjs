/** What engines can do at best, as a table and as rooflines with our kernels below. */
import { best, peersOf, rateOf } from '../blocks.mjs';

/**
 * @typedef {import('../blocks.mjs').Result} Result
 * @typedef {import('../blocks.mjs').Block} Block
 */

const places = ['copy in level 2 cache', 'copy in main memory'];

/** GB/s, read and written together. @type {(result: Result | undefined, peer: string) => number | undefined} */
function bandwidth(result, peer) {
  const timing = best(result, peer);
  return timing?.bytes && timing.bytes / timing.minimum / 1e6;
}

/**
 * @param {Result[]} results of the suite peak
 * @returns {Block[]}
 */
export function peakFindings(results) {
  const peak = results.find(({ kind }) => kind === 'peak');
  if (!peak) return [];
  const kernels = [...new Set(peak.timings.map(({ variant }) => variant))];
  const copies = places.map((place) => results.find(({ task }) => task === place));
  const figure = (/** @type {number | undefined} */ value) => value?.toFixed(1) ?? '';
  const rows = peersOf([peak]).map((peer) => {
    const rates = kernels.map((kernel) => {
      const timing = best(peak, peer, (variant) => variant === kernel);
      return figure(timing && rateOf(timing));
    });
    return [peer, ...rates, ...copies.map((copy) => figure(bandwidth(copy, peer)))];
  });
  return [
    {
      type: 'table',
      title: 'What the engines can do at best',
      note: 'Independent multiply-adds in GFLOP/s; copies in GB/s, bytes read and written together.',
      head: ['', ...kernels, ...places],
      rows,
    },
  ];
}

const kinds = ['matmul', 'dense convolution', 'sparse convolution'];

/**
 * A roofline for each of our peers, with matrix products and convolutions at their places.
 * @param {Result[]} all
 * @returns {Block[]}
 */
export function rooflines(all) {
  const peak = all.find(({ kind }) => kind === 'peak');
  const copies = places.map((place) => all.find(({ task }) => task === place));
  const kernels = all.filter(({ suite }) => suite === 'matmul' || suite === 'conv');
  return peersOf(peak ? [peak] : [])
    .filter((peer) => peer.startsWith('kwta'))
    .flatMap((peer) => {
      const top = best(peak, peer);
      const bandwidths = copies.map((copy, i) => ({
        name: places[i].replace('copy in ', ''),
        value: bandwidth(copy, peer) ?? 0,
      }));
      const found = kernels.flatMap(({ task, timings }) =>
        timings
          .filter((timing) => timing.peer === peer)
          .map((timing) => ({
            label: `${task}, ${timing.variant}`,
            color: timing.variant === 'matmul' ? 0 : timing.variant === 'dense' ? 1 : 2,
            intensity: (timing.work ?? 0) / (timing.bytes ?? 1),
            rate: rateOf(timing),
          })),
      );
      if (!top || found.length === 0 || bandwidths.some(({ value }) => value === 0)) return [];
      return [
        {
          type: /** @type {const} */ ('roofline'),
          title: peer,
          peak: { name: top.variant, value: rateOf(top) },
          bandwidths,
          places: found,
          key: kinds,
        },
      ];
    });
}
