/** Attacks: what they do between two passes of the network, and beside PyTorch. */
import { best, milliseconds, peersOf, times } from '../blocks.mjs';

/**
 * @typedef {import('../blocks.mjs').Result} Result
 * @typedef {import('../blocks.mjs').Table} Table
 */

/** @param {Result[]} results @returns {Table[]} */
export function attackFindings(results) {
  const peers = peersOf(results);
  const rival = peers.filter((peer) => peer.startsWith('PyTorch')).at(-1);
  return peers
    .filter((peer) => peer.startsWith('kwta'))
    .map((peer) => ({
      type: 'table',
      title: `${peer}: attacks against their passes alone`,
      note: `Minima, ms a query. "between" is the share of the attack that is no pass of the network.`,
      head: ['', 'passes', 'attack', 'between', 'PyTorch', 'times PyTorch'],
      rows: results.map((result) => {
        const of = (/** @type {string} */ variant) =>
          result.timings.find((timing) => timing.peer === peer && timing.variant === variant)?.minimum;
        const each = (/** @type {number | undefined} */ ms) =>
          ms === undefined ? '' : milliseconds(ms / (result.samples ?? 1));
        const [passes, attack] = [of('passes'), of('attack')];
        const theirs = rival ? best(result, rival)?.minimum : undefined;
        return [
          result.task,
          each(passes),
          each(attack),
          passes && attack ? `${(100 * (1 - passes / attack)).toFixed(1)} %` : '',
          each(theirs),
          theirs && attack ? times(theirs / attack) : '',
        ];
      }),
    }));
}
