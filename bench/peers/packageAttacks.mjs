/** Attacks as the engine runs them, on kernels in this thread; and the passes of the network that they consist of, alone. */
import { perturb } from '../../dist/attacks/core/run.js';
import { Random } from '../../dist/base/random.js';
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { attacks } from '../../dist/index.js';
import { describe } from './describe.mjs';

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

/** The passes alone run on the attack's own points, for what a pass costs depends on them. @type {Attack} */
const pgd = (network, x, labels, { steps, epsilon }) => {
  const stepSize = (2.5 * epsilon) / steps;
  const points = Array.from({ length: steps }, (_, step) =>
    step === 0 ? x : made(network, attacks.pgd({ steps: step, stepSize, randomStart: false }), x, labels, epsilon),
  );
  const passes = () => {
    for (const at of points) network.forward(at, { inputs: true }).backward({ loss: 'crossEntropy', labels });
  };
  const attack = attacks.pgd({ steps, randomStart: false });
  return { passes: variant(passes), attack: attackVariant(network, attack, x, labels, epsilon) };
};

/** As many queries as there are go through the network together, as in the attack. @type {Attack} */
const estimatedGradient = (network, x, labels, { steps, epsilon, queries }) => {
  const attack = attacks.estimatedGradient({ steps, samples: queries });
  const size = network.sampleSize;
  const random = new Random(1, 1);
  const points = Array.from(labels, (_, i) =>
    Float32Array.from({ length: queries * size }, (_, j) => x[i * size + (j % size)] + attack.sigma * random.normal()),
  );
  const passes = () => {
    for (let step = 0; step < steps; step++) {
      for (const around of points) network.logits(around);
      network.logits(x); // who is there
    }
  };
  return { passes: variant(passes), attack: attackVariant(network, attack, x, labels, epsilon) };
};

/** @param {() => void} run @returns {import('./conversation.mjs').Variant} */
const variant = (run) => ({ run, output: () => new Float32Array() });

/** @typedef {[Network, import('../../dist/attacks/table.js').AttackSpec, Float32Array, Int32Array, number]} AttackArguments */

/** What an attack makes. @param {AttackArguments} args */
const made = (...[network, attack, x, labels, epsilon]) =>
  perturb(network, attack, { x, labels, epsilon, random: new Random(0, 0) });

/** @param {AttackArguments} args @returns {import('./conversation.mjs').Variant} */
const attackVariant = (...args) => ({
  run: () => made(...args),
  output: (/** @type {Float32Array} */ result) => result,
});
