/** How evenly the channels of boosted k-WTA layers win. */
import { ConfigError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';

/** The channels of one layer. */
export interface DutyCycles {
  /** The layer's name. */
  layer: string;
  /** Share of each channel's values that won, over the last `period` samples of training, or {@link samples}. */
  shares: Float32Array;
  /** Samples that the shares were taken over. */
  samples: number;
  /** Bits: the sum of -p log2 p - (1 - p) log2 (1 - p) over the channels' shares p. */
  entropy: number;
  /** The entropy if all channels won as often: the most there can be with as many winners. */
  maxEntropy: number;
}

const suffix = '.duty_cycle';

/**
 * Duty cycles of all k-WTA layers with a `boost`, with their entropy: near its maximum no channel is dead, and none always
 * wins (Ahmad & Scheinkman 2019).
 *
 * @param stateDict as `model.stateDict()` gives it.
 * @throws {ConfigError} when it is none.
 */
export function dutyCycles(stateDict: Record<string, Tensor>): DutyCycles[] {
  if (typeof stateDict !== 'object' || stateDict === null) {
    throw new ConfigError(`dutyCycles: expected tensors by name, got ${describe(stateDict)}`);
  }
  return Object.entries(stateDict)
    .filter(([name]) => name.endsWith(suffix))
    .map(([name, { data: shares }]) => {
      const layer = name.slice(0, -suffix.length);
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      return {
        layer,
        shares,
        samples: stateDict[`${layer}.duty_samples`]?.data[0] ?? 0,
        entropy: shares.reduce((sum, share) => sum + binaryEntropy(share), 0),
        maxEntropy: shares.length * binaryEntropy(mean),
      };
    });
}

/** Bits of a choice of this probability. */
function binaryEntropy(p: number): number {
  const term = (q: number): number => (q > 0 ? -q * Math.log2(q) : 0);
  return term(p) + term(1 - p);
}
