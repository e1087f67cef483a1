/**
 * Attacks on the networks of the suite `step`, in the engine: the rate of passes inside an attack, against the same
 * passes alone, on the same batch and threads; beside PyTorch with the same attack. PGD takes 10 steps without a random
 * start; the estimated gradient one step of 100 queries for each of 8 samples.
 */
import { stepTask } from './networks.mjs';

const epsilon = 0.1;
const kinds = /** @type {const} */ ([
  { attack: 'pgd', steps: 10, network: 'smallCnn', batch: 64 },
  { attack: 'pgd', steps: 4, network: 'resNet18', batch: 32 },
  { attack: 'estimatedGradient', steps: 1, network: 'smallCnn', batch: 8 },
]);
const activations = /** @type {const} */ ([
  ['relu', 1],
  ['kwta', 0.1],
]);

/** @returns {Iterable<import('../harness.mjs').Task>} */
export function* tasks() {
  for (const { attack, steps, network, batch } of kinds) {
    for (const [activation, gamma] of activations) {
      const { name, inputs, spec } = stepTask({ network, what: 'inputGradient', activation, gamma, batch });
      const queries = attack === 'pgd' ? 1 : 100;
      yield {
        name: name.replace('inputGradient step', `${attack}, ${steps} step${steps > 1 ? 's' : ''}`),
        kind: 'attack',
        spec: { ...spec, attack, steps, epsilon, queries },
        inputs,
        samples: batch * steps * queries,
        takes: ({ name: peer, threads }) => !(peer.startsWith('PyTorch') && threads === 1),
        compare: (actual, expected, variant) =>
          variant === 'passes' ? null : compare(actual, expected, inputs.x, attack === 'pgd'),
      };
    }
  }
}

/**
 * Inside the ball and the box; where nothing is random, most pixels as on the other side: the sign of a gradient near
 * zero, and a winner near its threshold, are decided by rounding.
 * @param {Float32Array} actual
 * @param {Float32Array} expected
 * @param {Float32Array} x
 * @param {boolean} alike
 */
function compare(actual, expected, x, alike) {
  if (actual.length !== x.length) return `${actual.length} values instead of ${x.length}`;
  let same = 0;
  for (let i = 0; i < x.length; i++) {
    const off = Math.abs(actual[i] - x[i]);
    if (!(off <= epsilon + 1e-6) || actual[i] < 0 || actual[i] > 1) return `${actual[i]} for ${x[i]} at ${i}`;
    same += Number(Math.abs(actual[i] - expected[i]) <= 1e-3);
  }
  return !alike || same > 0.6 * x.length ? null : `only ${same} of ${x.length} pixels as expected`;
}
