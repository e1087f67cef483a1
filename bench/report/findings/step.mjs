/** Whole steps: ours against PyTorch with the same activation and with ReLU, and one thread against two. */
import { networkTitles } from '../../networkTitles.mjs';
import { best, milliseconds, peersOf, times } from '../blocks.mjs';

/**
 * @typedef {import('../blocks.mjs').Result} Result
 * @typedef {import('../blocks.mjs').Table} Table
 */

/** At the head of a table. @param {string} network */
const titleOf = (network) => networkTitles[network].replace(/^s/, 'S');

const whats = /** @type {Record<string, string>} */ ({
  training: 'training',
  inference: 'inference',
  inputGradient: 'input gradient (PGD)',
});

/** One and the same step. @type {(one: Result, other: Result) => boolean} */
const sameStep = ({ spec: one }, { spec: other }) =>
  one.network === other.network && one.what === other.what && one.batch === other.batch;

/** @param {Result[]} results @returns {Table[]} */
export function stepFindings(results) {
  const networks = [...new Set(results.map(({ spec }) => String(spec.network)))];
  return networks.flatMap((network) => {
    const steps = results.filter(({ spec }) => spec.network === network);
    return [ratios(steps, network), scaling(steps, network)].flat();
  });
}

/**
 * Ratios of minima with two threads on either side.
 * @param {Result[]} steps
 * @param {string} network
 * @returns {Table[]}
 */
function ratios(steps, network) {
  const peers = peersOf(steps);
  const rival = peers.filter((peer) => peer.startsWith('PyTorch')).at(-1);
  const ours = peers.filter((peer) => peer.startsWith('kwta') && !peer.endsWith(' 1 thread'));
  if (!rival || ours.length === 0) return [];
  const perSample = (/** @type {Result | undefined} */ result, /** @type {string} */ peer) => {
    const timing = best(result, peer);
    return timing && result && timing.minimum / (result.samples ?? 1);
  };
  const figure = (/** @type {number | undefined} */ value) => (value === undefined ? '' : milliseconds(value));
  const ratio = (/** @type {number | undefined} */ theirs, /** @type {number | undefined} */ its) =>
    theirs && its ? times(theirs / its) : '';
  return [
    {
      type: 'table',
      title: `${titleOf(network)}, batch ${steps[0].spec.batch}: ms per sample, and how many times faster than PyTorch`,
      note: `Minima; ${rival} in its faster layout. "same" is PyTorch with the same activation, "ReLU" PyTorch with ReLU.`,
      head: ['', 'PyTorch', 'PyTorch ReLU', ...ours.flatMap((peer) => [short(peer), '/ same', '/ ReLU'])],
      rows: steps.map((result) => {
        const relu = steps.find((other) => sameStep(result, other) && other.spec.activation === 'relu');
        const [same, plain] = [perSample(result, rival), perSample(relu, rival)];
        const cells = ours.flatMap((peer) => {
          const its = perSample(result, peer);
          return [figure(its), ratio(same, its), ratio(plain, its)];
        });
        return [label(result), figure(same), figure(plain), ...cells];
      }),
    },
  ];
}

/**
 * How many times faster two threads are than one.
 * @param {Result[]} steps
 * @param {string} network
 * @returns {Table[]}
 */
function scaling(steps, network) {
  const peers = peersOf(steps);
  const engines = peers
    .filter((peer) => peer.startsWith('kwta') && peer.endsWith(', 2 threads'))
    .map(engineOf)
    .filter((engine) => peers.includes(`${engine}, 1 thread`));
  if (engines.length === 0) return [];
  const speedUp = (/** @type {Result} */ result, /** @type {string} */ engine) => {
    const [one, two] = [best(result, `${engine}, 1 thread`), best(result, `${engine}, 2 threads`)];
    return one && two ? times(one.minimum / two.minimum) : '';
  };
  return [
    {
      type: 'table',
      title: `${titleOf(network)}: two threads against one`,
      head: ['', ...engines.map(short)],
      rows: steps.map((result) => [label(result), ...engines.map((engine) => speedUp(result, engine))]),
    },
  ];
}

/** @param {Result} result */
function label({ spec }) {
  const activation = spec.activation === 'relu' ? 'ReLU' : `k-WTA ${spec.gamma}`;
  return `${whats[spec.what]}, ${activation}`;
}

/** `kwta, Node 24, 2 threads` without its threads. @param {string} peer */
const engineOf = (peer) => peer.split(', ').slice(0, 2).join(', ');
/** @param {string} peer */
const short = (peer) => peer.split(', ')[1];
