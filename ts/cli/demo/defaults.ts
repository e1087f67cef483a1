/** The sizes of the demo, in one place: what a run of a few minutes on two cores can show. */
import { attacks, type FitOptions, type models, type NamedAttack, optim, schedules } from '../../index.js';

export type RegimeName = 'adversarial' | 'natural';

export const DEFAULTS = {
  gamma: 0.1,
  seed: 0,
  /** Test images that are attacked. */
  samples: 100,
  /** How much to train; an adversarial step costs several natural ones. */
  training: {
    adversarial: { epochs: 2, trainSamples: 15_000 },
    natural: { epochs: 2, trainSamples: 60_000 },
  },
} as const;

/** Radii of the attacks, in pixel units. */
export const EPSILONS = [0.1, 0.2];

/** Test images for the accuracy without attacks: more than are attacked, for they cost little. */
export const CLEAN_SAMPLES = 10_000;

/** The attack that adversarial training trains against. */
export const TRAINING_ATTACK = { epsilon: 0.1, steps: 4 };

/** The network, but for its activation: small enough to be attacked thoroughly in minutes. */
export const NETWORK = { channels: [16, 32, 64], head: 'flatten' } satisfies Partial<models.SmallCnnOptions>;

/** How both models are trained. */
export const FIT = {
  batchSize: 64,
  optimizer: optim.adam({ lr: 0.002 }),
  lr: schedules.cosine(),
} satisfies Partial<FitOptions>;

/** An attack of the demo, and what to say of it. */
export interface DemoAttack extends NamedAttack {
  description: string;
}

const PGD = attacks.pgd({ steps: 40, restarts: 2, earlyStop: true });

/** What every model is attacked with; `other` is the model that transferred examples are made on. */
export function demoAttacks(other: { id: string }): DemoAttack[] {
  return [
    {
      name: 'FGSM',
      attack: attacks.fgsm(),
      description: 'One step along the sign of the gradient, to the edge of the ball.',
    },
    {
      name: 'PGD-40',
      attack: PGD,
      description: `${PGD.steps} steps of projected gradient ascent from each of ${PGD.restarts} random starts.`,
    },
    {
      name: 'estimated gradient',
      attack: attacks.estimatedGradient({ steps: 20, samples: 100 }),
      description: '20 steps along a gradient estimated from 100 outputs at random points nearby.',
    },
    {
      name: 'transfer',
      attack: attacks.transfer({ source: other, attack: PGD }),
      description: 'The examples that PGD-40 makes on the other model.',
    },
  ];
}

const STEPS = 100;
/** Most queries of an image at a radius, forward plus backward, for each attack: the cascade needs them all. */
export const CASCADE_QUERIES = 4200;

/** What the worst case rests on: run on what all others left, for it asks the model far more often than they do. */
export const CASCADE: DemoAttack = {
  name: 'cascade',
  scope: 'left',
  attack: attacks.autoAttack({
    attacks: [attacks.apgd({ steps: STEPS }), attacks.adaptiveKwta({ budget: 'quick' })],
  }),
  description:
    `APGD of ${STEPS} steps and the adaptive cascade for k-WTA, one after another on what all others left: at most ` +
    `${CASCADE_QUERIES} queries an image.`,
};
