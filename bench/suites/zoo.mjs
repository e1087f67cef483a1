/**
 * Training steps of the other ready-made models on 3x32x32 at batch 32: ResNet-34, WideResNet-16-2, DenseNet-121 with growth 12
 * and AlexNet, beside torchvision's own modules with the activation replaced. All sides start from the same weights.
 */
import { stepTask } from './networks.mjs';

const networks = /** @type {const} */ (['resNet34', 'wideResNet', 'denseNet121', 'alexNet']);
const activations = /** @type {const} */ ([
  ['relu', 1],
  ['kwta', 0.1],
]);

/** @returns {Iterable<import('../harness.mjs').Task>} */
export function* tasks() {
  for (const network of networks) {
    for (const [activation, gamma] of activations) {
      const task = stepTask({ network, what: 'training', activation, gamma, batch: 32 });
      yield { ...task, takes: ({ threads }) => threads > 1 };
    }
  }
}
