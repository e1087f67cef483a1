/** How many affine pieces segments cross, and how long these are. */
import { integer, type Output, object, optional } from '../base/schema.js';
import type { Network } from '../graph/network.js';
import { findJumps } from './jumps.js';
import type { AnalysisProgress } from './progress.js';

/** Plain options of `analysis.linearRegions`. */
export const linearRegionsSchema = object({
  /** Of one segment; 100,000 by default. The result says which segments have more. */
  maxEvents: optional(integer({ min: 1 }), 100_000),
});

/** Ends of segments, as many of the one as of the other. */
export interface LinearRegionsRequest extends Output<typeof linearRegionsSchema> {
  from: Float32Array;
  to: Float32Array;
}

/** What one segment crosses. */
export interface SegmentRegions {
  /** How many it crosses. */
  regions: number;
  /** Their boundaries: where k-WTA takes other winners, and where nothing but a ReLU or a maximum changes. */
  jumps: number;
  /** Boundaries without a jump; see `jumps`. */
  kinks: number;
  /** Euclidean distance between the ends. */
  length: number;
  /** Of the regions, in order, as parts of the segment; their sum is `reached`. */
  lengths: number[];
  /** False when `maxEvents` was met; the regions are then those up to `reached`. */
  complete: boolean;
  /** How far the search came, 0 to 1. */
  reached: number;
}

/** Values below which so much of a sample lies. */
export interface Quantiles {
  /** The smallest value. */
  least: number;
  /** The 10th percentile. */
  tenth: number;
  /** The 50th percentile. */
  median: number;
  /** The 90th percentile. */
  ninetieth: number;
  /** The largest value. */
  most: number;
  /** The mean of all. */
  mean: number;
}

/** See `analysis.linearRegions`. */
export interface LinearRegions {
  /** One for each pair of samples, in order. */
  segments: SegmentRegions[];
  /** Mean over the segments of regions per unit of Euclidean distance. */
  density: number;
  /** Of the regions' lengths in Euclidean distance, over all segments. */
  lengths: Quantiles;
  /** Of the jumps' heights, see `jumps`; none where nothing jumps. */
  heights: Quantiles | undefined;
  /** Of the whole call, in seconds. */
  seconds: number;
}

/** See `analysis.linearRegions`. @throws {ConfigError}, {DivergedError} */
export function* countLinearRegions(
  network: Network,
  { from, to, maxEvents }: LinearRegionsRequest,
): Generator<AnalysisProgress, LinearRegions, void> {
  const started = performance.now();
  const size = network.sampleSize;
  const count = from.length / size;
  const segments: SegmentRegions[] = [];
  const heights: number[] = [];
  for (let s = 0; s < count; s++) {
    const ends = { from: from.subarray(s * size, (s + 1) * size), to: to.subarray(s * size, (s + 1) * size) };
    const search = findJumps(network, { ...ends, maxEvents });
    let step = search.next();
    while (!step.done) {
      yield { done: (s + step.value.done) / count };
      step = search.next();
    }
    const { events, complete, reached, length } = step.value;
    const jumps = events.filter(({ height }) => height > 0);
    for (const { height } of jumps) heights.push(height);
    const bounds = [0, ...events.map(({ t }) => t), ...(complete ? [1] : [])];
    const lengths = bounds.slice(1).map((end, i) => end - bounds[i]);
    segments.push({
      regions: lengths.length,
      jumps: jumps.length,
      kinks: events.length - jumps.length,
      length,
      lengths,
      complete,
      reached,
    });
    yield { done: (s + 1) / count };
  }
  const densities = segments.map(({ regions, length, reached }) => regions / (length * reached));
  return {
    segments,
    density: meanOf(densities),
    lengths: quantilesOf(segments.flatMap(({ lengths, length }) => lengths.map((part) => part * length))),
    heights: heights.length > 0 ? quantilesOf(heights) : undefined,
    seconds: (performance.now() - started) / 1000,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of at least one value. */
export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low] + (place - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
  };
  return { least: at(0), tenth: at(0.1), median: at(0.5), ninetieth: at(0.9), most: at(1), mean: meanOf(values) };
}
