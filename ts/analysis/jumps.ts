/** Every change of what layers choose along a segment: where, which units, and how far the logits jump. */
import { integer, type Output, object, optional } from '../base/schema.js';
import { channelsFirstIndex } from '../graph/choices.js';
import type { Network } from '../graph/network.js';
import type { ChoiceKind } from '../ops/op.js';
import { Segment, type SegmentLayer } from './anchor.js';
import { changeBetween } from './exits.js';
import { lanesFor } from './lanes.js';
import { type Boundary, boundariesOf } from './pieces.js';
import type { AnalysisProgress } from './progress.js';

/** Plain options of `analysis.jumps`. */
export const jumpsSchema = object({
  /** Ends the search after so many, from t = 0 on; 10,000 by default. */
  maxEvents: optional(integer({ min: 1 }), 10_000),
});

/** The ends of a segment, one sample each. */
export interface SegmentRequest extends Output<typeof jumpsSchema> {
  from: Float32Array;
  to: Float32Array;
}

/** Units that changed in a layer behind the one that an event begins in. */
export interface ConsequentChange {
  layer: string;
  /** How many are chosen now that were not, and were that are not. */
  in: number;
  out: number;
}

/** One place on a segment where layers choose otherwise from there on. */
export interface JumpEvent {
  /** From 0, at `from`, to 1, at `to`. */
  t: number;
  /** The first layer that changes, in the order of computation: its units meet at `t`. */
  layer: string;
  /** How that layer chooses: `winners` (k-WTA), `signs` (ReLU) or `maxima` (windows). */
  kind: ChoiceKind;
  /**
   * Units that are chosen from there on, and until there, as indices in C, H, W order of what the layer compares: winners
   * of k-WTA, what ReLU lets through, maxima of windows. More than one each only where changes lie nearer to each other
   * than `resolution`, or at one place.
   */
  in: number[];
  /** Until there; see `in`. */
  out: number[];
  /** What follows at once in the layers behind. */
  changed: ConsequentChange[];
  /** Logits just behind `t` minus those just before, by class; zeros where no k-WTA layer changes. */
  jump: number[];
  /** The largest of its absolute values. */
  height: number;
}

/** See `analysis.jumps`. */
export interface Jumps {
  /** By ascending t. */
  events: JumpEvent[];
  /** False when there are more behind `reached`: `maxEvents` was met. */
  complete: boolean;
  /** Where the search ended: 1, or t of the last event. */
  reached: number;
  /** Changes nearer to each other than this, in t, may be one event: four units in the last place of a pixel. */
  resolution: number;
  /** Euclidean distance between the ends. */
  length: number;
  /** Points at which the network was evaluated. */
  evaluations: number;
  /** Of the whole call, in seconds. */
  seconds: number;
}

/** See `analysis.jumps`. @throws {ConfigError}, {DivergedError} */
export function* findJumps(
  network: Network,
  { from, to, maxEvents }: SegmentRequest,
): Generator<AnalysisProgress, Jumps, void> {
  const started = performance.now();
  const segment = new Segment(network, from, to);
  const layers = segment.layers();
  const events: JumpEvent[] = [];
  let complete = true;
  const boundaries = boundariesOf(segment, layers, lanesFor(network));
  for (const boundary of boundaries) {
    if (boundary === undefined) {
      yield { done: Math.max(events.at(-1)?.t ?? 0, events.length / maxEvents) };
      continue;
    }
    if (events.length === maxEvents) {
      complete = false;
      break;
    }
    events.push(eventOf(boundary, layers));
  }
  return {
    events,
    complete,
    reached: complete ? 1 : (events.at(-1)?.t ?? 0),
    resolution: segment.resolution,
    length: segment.length,
    evaluations: segment.evaluations,
    seconds: (performance.now() - started) / 1000,
  };
}

function eventOf({ t, layer, before, after, ...change }: Boundary, layers: readonly SegmentLayer[]): JumpEvent {
  const root = layers[layer];
  const changed: ConsequentChange[] = [];
  let discontinuous = root.kind === 'kwta';
  for (let i = layer + 1; i < layers.length; i++) {
    const { kind, c } = layers[i];
    const { in: gained, out: lost } = changeBetween(kind, c, before.choices[i], after.choices[i]);
    if (gained.length + lost.length === 0) continue;
    discontinuous ||= kind === 'kwta';
    changed.push({ layer: layers[i].layer, in: gained.length, out: lost.length });
  }
  const indices = (places: number[]): number[] =>
    places.map((place) => channelsFirstIndex(place, root)).sort((a, b) => a - b);
  const jump = Array.from(after.logits, (logit, j) => {
    // ReLU and maxima are continuous.
    if (!discontinuous) return 0;
    const behind = logit + (t - after.t) * after.slopes[j];
    return behind - (before.logits[j] + (t - before.t) * before.slopes[j]);
  });
  return {
    t,
    layer: root.layer,
    kind: root.kind,
    in: indices(change.in),
    out: indices(change.out),
    changed,
    jump,
    height: jump.reduce((height, value) => Math.max(height, Math.abs(value)), 0),
  };
}
