/**
 * How far one may go from a point until a layer chooses otherwise. Along a segment, and as long as no layer before it
 * changes, every unit of a layer is affine, `value + step * slope`. Its choice therefore holds on an interval around the
 * point, and ends at the first step where a unit overtakes another, or crosses zero.
 */
import { channelsFirstIndex, type LayerChoices } from '../graph/choices.js';
import type { Features } from '../ops/op.js';

/** Where a layer's choice ends. */
export interface Exit {
  /** Distance from the point, >= 0. */
  step: number;
  /** The place that is chosen until then, and the one that is afterwards; -1 for none, where zero is crossed. */
  out: number;
  in: number;
  /** By how much the first was ahead at the point, >= 0. */
  lead: number;
}

/** What a layer chose at a point, with what its exits follow from. */
export interface Choice {
  values: Float32Array;
  slopes: Float32Array;
  features: Features;
  /** The first exit below `limit`, going forward (1) or backward (-1). */
  exit(direction: 1 | -1, limit: number): Exit | undefined;
  /** The choice as words: the same for the same choice, different for different ones. */
  words: Uint32Array;
}

/** Reads a layer's choice for one sample; its values are read where they lie, until the next pass. */
export function choiceOf(layer: LayerChoices, sample: number): Choice {
  const values = layer.values(sample);
  const slopes = layer.slopes(sample);
  const { features } = layer;
  const shared = { values, slopes, features };
  if (layer.kind === 'relu') {
    const winners = layer.winners(sample);
    return { ...shared, words: bitsOf(winners, values.length), exit: (d, limit) => zeroCrossing(shared, d, limit) };
  }
  if (layer.kind === 'maxPool') {
    const windows = layer.windows(sample);
    return {
      ...shared,
      words: windows.argmax.slice(),
      exit: (d, limit) => windowExit(shared, windows, d, limit),
    };
  }
  const winners = layer.winners(sample);
  const tiers = tiersOf(values, winners, layer.surplus(winners));
  return { ...shared, words: bitsOf(winners, values.length), exit: (d, limit) => tierExit(shared, tiers, d, limit) };
}

/** One bit for each of `length` places. */
function bitsOf(places: Uint32Array, length: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(length / 32));
  for (const place of places) words[place >>> 5] |= 1 << (place & 31);
  return words;
}

type Affine = Pick<Choice, 'values' | 'slopes' | 'features'>;

/** Places of a k-WTA layer whose choice is theirs as long as no unit overtakes one of the tier above. */
interface Tiers {
  /** The highest first. */
  tiers: Uint32Array[];
  /** Equal values at the threshold, all of which are kept: as soon as they part, fewer are. */
  tied: Uint32Array;
}

function tiersOf(values: Float32Array, winners: Uint32Array, surplus: boolean): Tiers {
  const isWinner = new Uint8Array(values.length);
  for (const place of winners) isWinner[place] = 1;
  const losers = new Uint32Array(values.length - winners.length);
  let next = 0;
  for (let place = 0; place < values.length; place++) if (isWinner[place] === 0) losers[next++] = place;
  if (!surplus) return { tiers: [winners, losers], tied: new Uint32Array() };
  let threshold = Infinity;
  for (const place of winners) threshold = Math.min(threshold, values[place]);
  const tied = winners.filter((place) => values[place] === threshold);
  return { tiers: [winners.filter((place) => values[place] !== threshold), tied, losers], tied };
}

function tierExit(affine: Affine, { tiers, tied }: Tiers, direction: 1 | -1, limit: number): Exit | undefined {
  const { slopes } = affine;
  const apart = tied.find((place) => slopes[place] !== slopes[tied[0]]);
  if (apart !== undefined) return { step: 0, out: apart, in: -1, lead: 0 };
  let exit: Exit | undefined;
  for (let i = 1; i < tiers.length; i++) {
    exit = firstOvertaking(affine, tiers[i - 1], tiers[i], direction, exit?.step ?? limit) ?? exit;
  }
  return exit;
}

/**
 * The first step at which the smallest of `above` is no more ahead of the largest of `below`. The lead, smallest minus
 * largest, is concave in the step and not negative at 0. From a step where it is negative, the pair that is behind
 * there meets at an earlier one, where the lead is negative still, or zero: Newton's method, which does not overshoot and
 * ends, since each pair is met once.
 */
function firstOvertaking(
  { values, slopes, features }: Affine,
  above: Uint32Array,
  below: Uint32Array,
  direction: 1 | -1,
  limit: number,
): Exit | undefined {
  const rank = (place: number): number => (place < 0 ? -1 : channelsFirstIndex(place, features));
  let exit: Exit | undefined;
  let step = limit;
  for (;;) {
    const move = direction * step;
    let out = -1;
    let low = Infinity;
    for (let i = 0; i < above.length; i++) {
      const place = above[i];
      const value = values[place] + move * slopes[place];
      // Among equals the last is overtaken first, for ties go to the lowest index.
      if (value < low || (value === low && rank(place) > rank(out))) {
        out = place;
        low = value;
      }
    }
    let entering = -1;
    let high = -Infinity;
    for (let i = 0; i < below.length; i++) {
      const place = below[i];
      const value = values[place] + move * slopes[place];
      if (value > high || (value === high && rank(place) < rank(entering))) {
        entering = place;
        high = value;
      }
    }
    if (!(high > low)) return exit;
    const lead = values[out] - values[entering];
    const next = lead / (direction * (slopes[entering] - slopes[out]));
    if (!(next < step)) return exit;
    exit = { step: next, out, in: entering, lead };
    step = next;
  }
}

/** The first unit to cross zero. */
function zeroCrossing({ values, slopes }: Affine, direction: 1 | -1, limit: number): Exit | undefined {
  let exit: Exit | undefined;
  let move = direction * limit;
  for (let place = 0; place < values.length; place++) {
    const value = values[place];
    const on = value > 0;
    if (on === value + move * slopes[place] > 0) continue;
    const step = -value / (direction * slopes[place]);
    if (exit !== undefined && step >= exit.step) continue;
    exit = { step, out: on ? place : -1, in: on ? -1 : place, lead: Math.abs(value) };
    move = direction * step;
  }
  return exit;
}

/** The first window in which another pixel overtakes the maximum. */
function windowExit(
  { values, slopes, features: { c, h, w } }: Affine,
  { argmax, output, kernel, stride, padding }: ReturnType<LayerChoices['windows']>,
  direction: 1 | -1,
  limit: number,
): Exit | undefined {
  let exit: Exit | undefined;
  let move = direction * limit;
  for (let i = 0; i < argmax.length; i++) {
    const channel = i % c;
    const column = Math.floor(i / c) % output.w;
    const row = Math.floor(i / (c * output.w));
    const best = argmax[i] * c + channel;
    let high = values[best] + move * slopes[best];
    const [bottom, right] = [Math.min(row * stride - padding + kernel, h), Math.min(column * stride - padding + kernel, w)];
    for (let y = Math.max(row * stride - padding, 0); y < bottom; y++) {
      for (let x = Math.max(column * stride - padding, 0); x < right; x++) {
        const place = (y * w + x) * c + channel;
        if (!(values[place] + move * slopes[place] > high)) continue;
        const lead = values[best] - values[place];
        const step = lead / (direction * (slopes[place] - slopes[best]));
        if (exit !== undefined && step >= exit.step) continue;
        exit = { step, out: best, in: place, lead };
        move = direction * step;
        high = values[best] + move * slopes[best];
      }
    }
  }
  return exit;
}

/** How two choices of one layer differ: places chosen by the first alone, and by the second alone. */
export function changeBetween(
  kind: LayerChoices['kind'],
  channels: number,
  before: Uint32Array,
  after: Uint32Array,
): { out: number[]; in: number[] } {
  const out = new Set<number>();
  const into = new Set<number>();
  for (let i = 0; i < before.length; i++) {
    if (before[i] === after[i]) continue;
    if (kind === 'maxPool') {
      out.add(before[i] * channels + (i % channels));
      into.add(after[i] * channels + (i % channels));
      continue;
    }
    for (let bit = 0; bit < 32; bit++) {
      const [was, is] = [(before[i] >>> bit) & 1, (after[i] >>> bit) & 1];
      if (was > is) out.add(32 * i + bit);
      if (is > was) into.add(32 * i + bit);
    }
  }
  return { out: [...out], in: [...into] };
}
