/** One step's gradients, as its regime makes them, and where it diverged if it did. */
import { DivergedError } from '../base/errors.js';
import { Random, STREAMS } from '../base/random.js';
import type { Network } from '../graph/network.js';
import type { StepBatch } from './batches.js';
import { clipGradients } from './clip.js';
import { regimeOf } from './regimes/index.js';
import type { RegimeGradients } from './regimes/regime.js';
import type { FitSpec } from './spec.js';

/** Where a run is, for messages and random numbers. */
export interface StepPlace {
  epoch: number;
  step: number;
}

/**
 * Computes the gradients of the parameters.
 *
 * @param kept what the step before left.
 * @throws {DivergedError} naming the place, and the layer when that shows; batch norm's running statistics are as before then.
 */
export function stepGradients(
  network: Network,
  spec: FitSpec,
  batch: StepBatch,
  place: StepPlace,
  kept: Float32Array | undefined,
): RegimeGradients {
  return located(network, batch.x, place, () => checkedGradients(network, spec, batch, place.step, kept));
}

/**
 * What `work` gives.
 *
 * @throws {DivergedError} of `work`, saying where, and in which layer when that shows on `x`.
 */
export function located<T>(network: Network, x: Float32Array, { epoch, step }: StepPlace, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    const layer = firstNotFinite(network, x);
    const found = layer === undefined ? '' : `; '${layer}' is the first layer whose output is not finite`;
    throw new DivergedError(`fit: ${error.message} in epoch ${epoch}, step ${step}${found}`, { cause: error.cause });
  }
}

function firstNotFinite(network: Network, x: Float32Array): string | undefined {
  try {
    return network.firstNotFinite(x);
  } catch (error) {
    // k-WTA has met NaN, and what is being reported says so already.
    if (error instanceof DivergedError) return undefined;
    throw error;
  }
}

/** A stream for each of so many places in a batch, step by step. */
const placesPerStep = 2 ** 20;

function checkedGradients(
  network: Network,
  spec: FitSpec,
  batch: StepBatch,
  step: number,
  kept: Float32Array | undefined,
): RegimeGradients {
  const { regime, seed, clipGradient } = spec;
  const restore = network.parameters.rememberStatistics();
  try {
    const gradients = regimeOf(regime).gradients(regime, {
      ...batch,
      network,
      options: spec,
      kept,
      random: stepRandom(seed, step, 0),
      randomOf: (place) => new Random(seed, STREAMS.trainingStart + step * placesPerStep + place),
    });
    if (!Number.isFinite(gradients.loss)) throw new DivergedError(`expected a finite loss, got ${gradients.loss}`);
    network.parameters.checkGradients();
    if (clipGradient !== undefined) clipGradients(network.parameters, clipGradient);
    return gradients;
  } catch (error) {
    restore();
    throw error;
  }
}

/** One of the 64 streams of a step: the first is that of its attack, the second of what is measured after it. */
export function stepRandom(seed: number, step: number, use: 0 | 1): Random {
  return new Random(seed, STREAMS.trainingAttack + step * 64 + use);
}
