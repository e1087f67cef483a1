/** Matrix products and convolutions: shares of the peak, and our sparse passes beside the others' dense ones. */
import { best, milliseconds, peersOf, percent, rateOf, times } from '../blocks.mjs';

/**
 * @typedef {import('../blocks.mjs').Result} Result
 * @typedef {import('../blocks.mjs').Timing} Timing
 * @typedef {import('../blocks.mjs').Table} Table
 */

/** Others, over their versions, layouts and threads. */
const others = ['TensorFlow.js', 'onnxruntime-web', 'jax-js', 'onnxruntime-node', 'numpy', 'PyTorch'];

/** `kwta, Node 24, 2 threads` without our name. @param {string} peer */
const engineOf = (peer) => peer.replace('kwta, ', '');

/** The fastest whose name begins so. @type {(result: Result, start: string) => Timing | undefined} */
const fastest = ({ timings }, start) =>
  timings.filter(({ peer }) => peer.startsWith(start)).toSorted((a, b) => a.minimum - b.minimum)[0];

/**
 * GFLOP/s and shares of the peak of what does all the multiply-adds.
 * @param {Result[]} results of one suite
 * @param {string} title
 * @returns {Table[]}
 */
export function denseFindings(results, title) {
  const ours = peersOf(results).filter((peer) => peer.startsWith('kwta'));
  if (ours.length === 0) return [];
  const there = others.filter((start) => results.some((result) => fastest(result, start)));
  const cell = (/** @type {Timing | undefined} */ timing) => {
    if (!timing) return '';
    const share = timing.peak ? ` (${percent((1e6 * rateOf(timing)) / timing.peak)})` : '';
    return `${rateOf(timing).toFixed(1)}${share}`;
  };
  return [
    {
      type: 'table',
      title: `${title}: GFLOP/s, and the share of the peak measured in the same rounds`,
      note: 'Others: the fastest of their versions, layouts and numbers of threads, by the peak of the engine it ran on.',
      head: ['', ...ours.map(engineOf), ...there],
      rows: results.map((result) => [
        result.task,
        ...ours.map((peer) => cell(best(result, peer, (variant) => variant !== 'sparse'))),
        ...there.map((start) => cell(fastest(result, start))),
      ]),
    },
  ];
}

/**
 * Our sparse passes beside PyTorch's in its faster layout, with as many threads.
 * @param {Result[]} results of the suite conv
 * @returns {Table[]}
 */
export function sparseFindings(results) {
  const isSparse = (/** @type {string} */ variant) => variant === 'sparse';
  const sparse = results.filter(({ timings }) => timings.some(({ variant }) => isSparse(variant)));
  const ours = peersOf(sparse).filter((peer) => peer.startsWith('kwta'));
  const rival = (/** @type {string} */ peer) => `PyTorch, ${peer.split(', ').at(-1)}`;
  if (!sparse.some((result) => ours.some((peer) => best(result, rival(peer))))) return [];
  return [
    {
      type: 'table',
      title: 'Convolutions behind k-WTA 0.1: ms per sample, and how many times faster than PyTorch on as many threads',
      head: ['', ...ours.map(engineOf)],
      rows: sparse.map((result) => [
        result.task,
        ...ours.map((peer) => {
          const [one, other] = [best(result, peer, isSparse), best(result, rival(peer))];
          if (!one) return '';
          return `${milliseconds(one.minimum / (result.samples ?? 1))} (${times(other && other.minimum / one.minimum)})`;
        }),
      ]),
    },
  ];
}
