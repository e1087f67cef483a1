/** The loss on a plane through a sample. */
import { ConfigError } from '../base/errors.js';
import { Random, STREAMS } from '../base/random.js';
import { choice, integer, number, type Output, object, optional, seed } from '../base/schema.js';
import { type Loss, losses } from '../graph/losses.js';
import { defaultBatch, type Network } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';
import type { AnalysisProgress } from './progress.js';

/** Plain options of `analysis.landscape`. */
export const landscapeSchema = object({
  /** True class. */
  label: integer({ min: 0 }),
  /** How far the plane reaches to either side, in pixel units of the largest change; 16/255 by default. */
  extent: optional(number({ above: 0 }), 16 / 255),
  /** Points along either axis, 2 to 1001; 41 by default. */
  resolution: optional(integer({ min: 2, max: 1001 }), 41),
  /** `'crossEntropy'` by default, `'margin'` or `'dlr'`. */
  loss: optional(choice(losses), 'crossEntropy'),
  /** Of random directions; 0 by default. */
  seed: seed(),
});

/** Where an axis of the plane leads: up the loss, anywhere, or along a given direction. */
export type Axis = 'gradient' | 'random' | Float32Array;

/** One sample and the axes of a plane. */
export interface LandscapeRequest extends Output<typeof landscapeSchema> {
  x: Float32Array;
  directions: readonly [Axis, Axis];
}

/** See `analysis.landscape`. */
export interface Landscape {
  /** Which loss it is. */
  loss: Loss;
  /** The class that the loss is of. */
  label: number;
  /** Distances from the sample along either axis, in pixel units of the largest change, from -extent to extent. */
  offsets: number[];
  /** `losses[j][i]` at `x + offsets[i] * first + offsets[j] * second`. */
  losses: number[][];
  /** The class that the model gives there. */
  classes: number[][];
  /** Of the whole call, in seconds. */
  seconds: number;
}

/** See `analysis.landscape`. @throws {ConfigError}, {DivergedError} */
export function* drawLandscape(
  network: Network,
  { x, directions, label, extent, resolution, loss, seed }: LandscapeRequest,
): Generator<AnalysisProgress, Landscape, void> {
  const started = performance.now();
  network.checkLoss(loss);
  const [first, second] = directions.map((axis, i) => {
    if (typeof axis !== 'string') return scaled(axis);
    return axis === 'random' ? randomSigns(x.length, seed, i) : gradientSigns(network, x, label, loss);
  });
  const offsets = Array.from({ length: resolution }, (_, i) => extent * ((2 * i) / (resolution - 1) - 1));
  const rows: number[][] = [];
  const classes: number[][] = [];
  for (const [j, up] of offsets.entries()) {
    const row: number[] = [];
    const answers: number[] = [];
    for (let from = 0; from < resolution; from += defaultBatch) {
      const part = offsets.slice(from, from + defaultBatch);
      const points = new Float32Array(part.length * x.length);
      for (const [i, along] of part.entries()) {
        for (let p = 0; p < x.length; p++) points[i * x.length + p] = x[p] + along * first[p] + up * second[p];
      }
      const pass = network.forward(points);
      answers.push(...argmax(pass.logits(), network.classes));
      row.push(
        ...pass.losses(
          loss,
          part.map(() => label),
        ),
      );
    }
    rows.push(row);
    classes.push(answers);
    yield { done: (j + 1) / resolution };
  }
  const seconds = (performance.now() - started) / 1000;
  return { loss, label, offsets, losses: rows, classes, seconds };
}

/** With a largest change of 1. */
function scaled(direction: Float32Array): Float32Array {
  const largest = direction.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return direction.map((value) => value / largest);
}

function randomSigns(size: number, seed: number, axis: number): Float32Array {
  const random = new Random(seed, STREAMS.directions + axis);
  return Float32Array.from({ length: size }, () => (random.uniform() < 0.5 ? -1 : 1));
}

function gradientSigns(network: Network, x: Float32Array, label: number, loss: Loss): Float32Array {
  const { gradient } = network.inputGradient(x, [label], loss);
  if (gradient.every((value) => value === 0)) {
    throw new ConfigError('landscape.directions: expected a gradient to follow, got one of zeros; give a direction');
  }
  return gradient.map(Math.sign);
}
