/**
 * Whole steps, as in training, inference and attacks: of ResNet-18 on 3x32x32 at batch 32, and of the small CNN on
 * 1x28x28 at batch 64 (conv 16, conv 32 stride 2, conv 64 stride 2, each with batch norm and activation; global average
 * pool; linear). All sides start from the same weights.
 */
import { stepTask } from './networks.mjs';

const networks = /** @type {const} */ ([
  ['smallCnn', 64],
  ['resNet18', 32],
]);
const activations = /** @type {const} */ ([
  ['relu', 1],
  ['kwta', 0.1],
  ['kwta', 0.05],
]);

/** PyTorch with one thread is left out: the question is what two cores are good for. */
const takes = (/** @type {import('../harness.mjs').PeerDescription} */ { name, threads }) =>
  !(name.startsWith('PyTorch') && threads === 1);

/** @returns {Iterable<import('../harness.mjs').Task>} */
export function* tasks() {
  for (const [network, batch] of networks) {
    for (const what of /** @type {const} */ (['training', 'inference', 'inputGradient'])) {
      for (const [activation, gamma] of activations) {
        yield { ...stepTask({ network, what, activation, gamma, batch }), takes };
      }
    }
  }
}
