/**
 * How many of a layer's choices survive a move: at points `x + radius * direction`, the share of the units chosen at x that
 * are chosen no more.
 */
import { Random, STREAMS } from '../base/random.js';
import { number, type Output, object, optional, seed, some } from '../base/schema.js';
import type { Network } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';
import type { ChoiceKind } from '../ops/op.js';
import { wordsOf } from './exits.js';
import { lanesFor } from './lanes.js';
import type { AnalysisProgress } from './progress.js';

/** Plain options of `analysis.patternChange`. */
export const patternChangeSchema = object({
  /** Factors of the direction, each >= 0; 0, 0.1, ... 1 by default. */
  radii: optional(some(number({ min: 0 })), () => Array.from({ length: 11 }, (_, i) => i / 10)),
  /** Instead of `direction`: directions are normal noise with this standard deviation, in pixel units. */
  sigma: optional(number({ above: 0 })),
  /** Of the noise; 0 by default. */
  seed: seed(),
});

/** Samples, and one direction for each where no `sigma` is given. */
export interface PatternChangeRequest extends Output<typeof patternChangeSchema> {
  x: Float32Array;
  direction: Float32Array | undefined;
}

/** A layer's part in {@link PatternChange}. */
export interface LayerChange {
  /** Its state-dict name. */
  layer: string;
  /** How it chooses: `winners` (k-WTA), `signs` (ReLU) or `maxima` (windows). */
  kind: ChoiceKind;
  /**
   * By radius: of the winners (k-WTA), open units (ReLU) or maxima (windows) at x, the share that is none any more; mean over
   * the samples.
   */
  share: number[];
}

/** See `analysis.patternChange`. */
export interface PatternChange {
  /** Those that were asked for: factors of the direction. */
  radii: number[];
  /** Mean distances from the samples, by radius. */
  distances: { l2: number[]; linf: number[] };
  /** Every layer that chooses, in the order of computation. */
  layers: LayerChange[];
  /** Share of the samples that get another class, by radius. */
  classes: number[];
  /** How many were looked at. */
  samples: number;
  /** Of the whole call, in seconds. */
  seconds: number;
}

/** See `analysis.patternChange`. @throws {DivergedError} */
export function* measurePatternChange(
  network: Network,
  { x, direction, radii, sigma, seed }: PatternChangeRequest,
): Generator<AnalysisProgress, PatternChange, void> {
  const started = performance.now();
  const size = network.sampleSize;
  const samples = x.length / size;
  const lanes = lanesFor(network);
  const points = [0, ...radii];
  const zeros = (): number[] => radii.map(() => 0);
  const distances = { l2: zeros(), linf: zeros() };
  const classes = zeros();
  let layers: LayerChange[] | undefined;
  for (let s = 0; s < samples; s++) {
    const centre = x.subarray(s * size, (s + 1) * size);
    const step = direction?.subarray(s * size, (s + 1) * size) ?? normal(size, sigma as number, seed, s);
    let before: Uint32Array[] = [];
    let expected = 0;
    for (let from = 0; from < points.length; from += lanes) {
      const part = points.slice(from, from + lanes);
      const pass = network.choices(moved(centre, step, part));
      layers ??= pass.layers.map(({ layer, kind }) => ({ layer, kind, share: zeros() }));
      const answers = argmax(pass.logits(), network.classes);
      for (const lane of part.keys()) {
        const words = pass.layers.map((layer) => wordsOf(layer, lane));
        const r = from + lane - 1;
        if (r < 0) {
          before = words;
          expected = answers[lane];
          continue;
        }
        for (const [l, { kind, share }] of layers.entries()) {
          share[r] += lostShare(kind, before[l], words[l]) / samples;
        }
        classes[r] += Number(answers[lane] !== expected) / samples;
      }
    }
    for (const [r, radius] of radii.entries()) {
      const { l2, linf } = lengthsOf(step);
      distances.l2[r] += (radius * l2) / samples;
      distances.linf[r] += (radius * linf) / samples;
    }
    yield { done: (s + 1) / samples };
  }
  const seconds = (performance.now() - started) / 1000;
  return { radii, distances, layers: layers ?? [], classes, samples, seconds };
}

/** Independent normal values with this standard deviation, of a sample's own stream. */
function normal(size: number, sigma: number, seed: number, sample: number): Float32Array {
  const random = new Random(seed, STREAMS.directions + sample);
  return Float32Array.from({ length: size }, () => sigma * random.normal());
}

function moved(centre: Float32Array, step: Float32Array, radii: readonly number[]): Float32Array {
  const points = new Float32Array(radii.length * centre.length);
  for (const [r, radius] of radii.entries()) {
    for (let i = 0; i < centre.length; i++) points[r * centre.length + i] = centre[i] + radius * step[i];
  }
  return points;
}

function lengthsOf(step: Float32Array): { l2: number; linf: number } {
  let squares = 0;
  let linf = 0;
  for (const value of step) {
    squares += value ** 2;
    linf = Math.max(linf, Math.abs(value));
  }
  return { l2: Math.sqrt(squares), linf };
}

/** Share of the choices `before` that are not among those `after`; 0 when there are none. */
function lostShare(kind: ChoiceKind, before: Uint32Array, after: Uint32Array): number {
  let all = 0;
  let lost = 0;
  for (let i = 0; i < before.length; i++) {
    if (kind === 'maxPool') {
      all++;
      lost += Number(before[i] !== after[i]);
    } else {
      all += bitCount(before[i]);
      lost += bitCount(before[i] & ~after[i]);
    }
  }
  return all === 0 ? 0 : lost / all;
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
