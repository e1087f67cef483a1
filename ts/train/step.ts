/** One step's gradients: the samples of its regime, the loss, and where it diverged if it did. */
import { DivergedError } from '../base/errors.js';
import { Random, STREAMS } from '../base/random.js';
import type { BatchLoss, Network } from '../graph/network.js';
import type { StepBatch } from './batches.js';
import { clipGradients } from './clip.js';
import { lossGradients, type Targets } from './loss.js';
import { regimeOf } from './regimes/index.js';
import type { FitSpec } from './spec.js';

/** Where a run is, for messages and random numbers. */
export interface StepPlace {
  epoch: number;
  step: number;
}

/**
 * Computes the gradients of the parameters.
 *
 * @throws {DivergedError} naming the place, and the layer when that shows; batch norm's running statistics are as before then.
 */
export function stepGradients(network: Network, spec: FitSpec, { x, targets }: StepBatch, place: StepPlace): BatchLoss {
  return located(network, x, place, () => {
    const samples = perturbed(network, spec, x, targets.labels, place.step);
    return checkedGradients(network, spec, samples, targets);
  });
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

/** The batch to train on. */
function perturbed(network: Network, spec: FitSpec, x: Float32Array, labels: Int32Array, step: number): Float32Array {
  const { regime, seed } = spec;
  // One stream of 64 for each step; a batch is the unit of training, and its samples draw from it in turn.
  const random = new Random(seed, STREAMS.trainingAttack + step * 64);
  return regimeOf(regime).samples(regime, { network, x, labels, random });
}

function checkedGradients(network: Network, spec: FitSpec, x: Float32Array, targets: Targets): BatchLoss {
  const restore = network.parameters.rememberStatistics();
  try {
    const batch = lossGradients(network, x, targets, spec);
    if (!Number.isFinite(batch.loss)) throw new DivergedError(`expected a finite loss, got ${batch.loss}`);
    network.parameters.checkGradients();
    if (spec.clipGradient !== undefined) clipGradients(network.parameters, spec.clipGradient);
    return batch;
  } catch (error) {
    restore();
    throw error;
  }
}
