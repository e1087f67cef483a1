/** Attacks as the engine runs them, on kernels in this thread; and the passes of the network that they consist of, alone. */
import { perturb } from '../../dist/attacks/core/run.js';
import { Random } from '../../dist/base/random.js';
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { attacks } from '../../dist/index.js';
import { describe } from './packageSteps.mjs';

/**
 * The loader of the task `attack`.
 * @param {import('../../dist/kernels/kernels.js').Kernels} kernels
 * @returns {import('./conversation.mjs').Loader}
 */
export function attackTask(kernels) {
  const workspace = new Workspace(kernels);
  /** @type {Network | undefined} */
  let network;
  return (spec, read) => {
    network?.dispose();
    network = new Network(describe(spec), 0, workspace, { recompute: false });
    const state = network.parameters.read('data');
    for (const [name, value] of Object.entries(state)) value.data = read(name);
    network.parameters.write(state);
    const x = read('x');
    const labels = Int32Array.from(read('labels'));
    const variants = spec.attack === 'pgd' ? pgd : estimatedGradient;
    return variants(network, x, labels, spec);
  };
}

/** @typedef {(network: Network, x: Float32Array, labels: Int32Array, spec: import('./conversation.mjs').Spec) => import('./conversation.mjs').Variants} Attack */

/** @type {Attack} */
const pgd = (network, x, labels, { steps, epsilon }) => {
  const attack = attacks.pgd({ steps, randomStart: false });
  const passes = () => {
    for (let step = 0; step < steps; step++) {
      network.forward(x, { inputs: true }).backward({ loss: 'crossEntropy', labels });
    }
  };
  return { passes: variant(passes), ...attackVariant(network, attack, x, labels, epsilon) };
};

/** As many queries as there are go through the network together, as in the attack. @type {Attack} */
const estimatedGradient = (network, x, labels, { steps, epsilon, queries }) => {
  const attack = attacks.estimatedGradient({ steps, samples: queries });
  const size = network.sampleSize;
  const points = new Float32Array(queries * size);
  for (let i = 0; i < queries; i++) points.set(x.subarray(0, size), i * size);
  const passes = () => {
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < labels.length; i++) network.logits(points);
    }
  };
  return { passes: variant(passes), ...attackVariant(network, attack, x, labels, epsilon) };
};

/** @param {() => void} run @returns {import('./conversation.mjs').Variant} */
const variant = (run) => ({ run, output: () => new Float32Array() });

/**
 * @param {Network} network
 * @param {import('../../dist/attacks/table.js').AttackSpec} attack
 * @param {Float32Array} x
 * @param {Int32Array} labels
 * @param {number} epsilon
 */
function attackVariant(network, attack, x, labels, epsilon) {
  const run = () => perturb(network, attack, { x, labels, epsilon, random: new Random(0, 0) });
  return { attack: { run, output: (/** @type {Float32Array} */ result) => result } };
}
