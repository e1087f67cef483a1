/**
 * How the cost of our kernels and of a whole training step grows with gamma, batch and width. The passes of a
 * convolution are summed in the report.
 */
import { passTasks } from './convolutions.mjs';
import { stepTask } from './networks.mjs';

const gammas = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1];
const batches = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const shapes = [
  { batch: 8, channels: 64, size: 32, out: 64 },
  { batch: 8, channels: 128, size: 16, out: 128 },
  { batch: 8, channels: 256, size: 8, out: 256 },
];
const step = /** @type {const} */ ({
  network: 'smallCnn',
  what: 'training',
  activation: 'kwta',
  gamma: 0.1,
  batch: 64,
});

/** Ours in Node: convolutions on one thread, steps on all. @type {(peer: import('../harness.mjs').PeerDescription) => boolean} */
const oursInNode = ({ name }) => name.startsWith('kwta, Node');
/** @type {typeof oursInNode} */
const oursOnOneThread = (peer) => oursInNode(peer) && peer.threads === 1;

/**
 * @param {import('./convolutions.mjs').Convolution} convolution
 * @param {import('../harness.mjs').Sweep} sweep
 */
const convolution = (convolution, sweep) =>
  passTasks(convolution, ['forward', 'gradients']).map((task) => ({
    ...task,
    name: `${task.name}, gamma ${convolution.gamma}`,
    takes: oursOnOneThread,
    sweep,
  }));

/** @returns {Iterable<import('../harness.mjs').Task>} */
export function* tasks() {
  for (const shape of shapes) {
    const of = `conv 3x3, ${shape.channels} channels @ ${shape.size}x${shape.size}, batch ${shape.batch}`;
    for (const gamma of gammas) yield* convolution({ ...shape, gamma }, { over: 'gamma', of, at: gamma });
  }
  for (const batch of batches) {
    const of = 'conv 3x3, 128 channels @ 16x16, gamma 0.1';
    yield* convolution({ ...shapes[1], batch, gamma: 0.1 }, { over: 'batch', of, at: batch });
  }
  for (const channels of [16, 32, 64, 128, 256]) {
    const of = 'conv 3x3 @ 16x16, batch 8, gamma 0.1';
    const shape = { batch: 8, channels, size: 16, out: channels, gamma: 0.1 };
    yield* convolution(shape, { over: 'width', of, at: channels });
  }
  const training = 'training step of the small CNN';
  for (const gamma of gammas) {
    const sweep = { over: 'gamma', of: `${training}, batch 64`, at: gamma };
    yield { ...stepTask({ ...step, gamma }), takes: oursInNode, sweep };
  }
  for (const batch of batches) {
    const sweep = { over: 'batch', of: `${training}, gamma 0.1`, at: batch };
    yield { ...stepTask({ ...step, batch }), takes: oursInNode, sweep };
  }
  for (const base of [8, 16, 32, 64]) {
    const sweep = { over: 'width', of: `${training}, gamma 0.1, batch 64`, at: base };
    yield { ...stepTask({ ...step, base }), takes: oursInNode, sweep };
  }
}
