// Small training runs, of every kind that there is, for scripts and tests that stop them and go on.
import { attacks, augment, datasets, nn, optim, regimes, schedules } from '../../dist/index.js';

/** @typedef {import('../../dist/client/fit.js').FitOptions} FitOptions */

const layers = [
  nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
  nn.batchNorm2d(),
  nn.kwta({ gamma: 0.3, boost: { strength: 1, period: 50 } }),
  nn.maxPool2d({ kernel: 2 }),
  nn.flatten(),
  nn.dropout({ p: 0.2, always: true }),
  nn.linear({ out: 5 }),
];

/** The model of all runs. */
export const spec = nn.sequential(layers, { input: [1, 12, 12] });

/** @param {number} seed */
function drawn(seed) {
  const { images, labels } = datasets.synthetic({ count: 90, seed });
  const small = new Float32Array(90 * 144);
  // The middle of each picture, and half of its classes.
  for (let i = 0; i < 90; i++) {
    for (let y = 0; y < 12; y++) {
      for (let x = 0; x < 12; x++) small[i * 144 + y * 12 + x] = images[i * 784 + (8 + y) * 28 + 8 + x] / 255;
    }
  }
  return datasets.fromTensors({ images: { shape: [90, 1, 12, 12], data: small }, labels: labels.map((l) => l % 5) });
}

export const train = drawn(1);
export const validation = drawn(2);

const common = { epochs: 3, batchSize: 16, validation, seed: 4 };
const attack = attacks.pgd({ steps: 2 });
const gamma = schedules.anneal({ from: 0.3, to: 0.2, by: 0.05 });

/** @type {Record<string, FitOptions>} */
export const runs = {
  'sgd, steps': { ...common, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }), lr: schedules.step({ every: 1 }) },
  'adam, cosine, annealed': { ...common, optimizer: optim.adam(), lr: schedules.cosine(), gamma },
  'adamw, adversarial': {
    ...common,
    optimizer: optim.adamw({ lr: 0.005 }),
    lr: schedules.multiStep({ milestones: [1, 2] }),
    regime: regimes.adversarial(attack, { epsilon: 0.1 }),
    augment: [augment.padCrop({ padding: 2 }), augment.flip(), augment.cutOut({ size: 4 })],
  },
  'moving average, clipped, smoothed, one cycle': {
    ...common,
    optimizer: optim.sgd({ lr: 0.1, momentum: 0.9, nesterov: true }),
    lr: schedules.oneCycle({ peak: 2 }),
    clipGradient: 0.5,
    labelSmoothing: 0.1,
    ema: { decay: 0.8 },
    augment: [augment.flip({ p: 0.3 }), augment.mixUp({ alpha: 0.4 })],
  },
  'trades, moving average, clipped, smoothed, weighted, mixed': {
    ...common,
    epochs: 2,
    optimizer: optim.adam({ lr: 0.005 }),
    regime: regimes.trades({ steps: 2, epsilon: 0.1 }),
    augment: [augment.flip(), augment.mixUp({ alpha: 0.4 })],
    clipGradient: 1,
    labelSmoothing: 0.1,
    classWeights: [1, 2, 0.5, 1, 1],
    ema: { decay: 0.8 },
  },
  'free, momentum, annealed': {
    ...common,
    epochs: 2,
    optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }),
    lr: schedules.oneCycle(),
    gamma,
    regime: regimes.free({ replays: 3, epsilon: 0.1 }),
    augment: [augment.padCrop({ padding: 1 }), augment.mixUp({ alpha: 0.4 })],
  },
  'fast, averaged by epoch, gamma along a line': {
    ...common,
    optimizer: optim.adamw({ lr: 0.005 }),
    lr: schedules.cosine(),
    gamma: schedules.linear({ from: 0.4, to: 0.3 }),
    regime: regimes.fast({ epsilon: 0.1 }),
    augment: [augment.flip()],
    swa: { from: 1 },
  },
  'averaged by epoch, weighted, gamma along a line with new statistics': {
    ...common,
    epochs: 4,
    optimizer: optim.adam({ lr: 0.01 }),
    lr: schedules.warmUp({ epochs: 1, then: schedules.linear({ to: 0.1 }) }),
    gamma: schedules.linear({ from: 0.5, to: 0.2, epochs: 3 }),
    estimateStatistics: true,
    classWeights: [1, 2, 0.5, 1, 1],
    swa: { from: 1 },
  },
  'stopped early, gamma along a cosine': {
    ...common,
    epochs: 9,
    optimizer: optim.sgd({ lr: 1e-6 }),
    gamma: schedules.cosine({ from: 0.4, to: 0.3 }),
    earlyStop: { patience: 2 },
  },
};
