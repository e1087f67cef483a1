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

/** What a layer chose at a point. */
export interface Choice {
  /** The first exit below `limit`, going forward (1) or backward (-1). */
  exit(direction: 1 | -1, limit: number): Exit | undefined;
  /** See {@link wordsOf}. */
  words: Uint32Array;
}

/** What a layer chose for one sample, as words: the same for the same choice, different for different ones. */
export function wordsOf(layer: LayerChoices, sample: number): Uint32Array {
  return layer.kind === 'maxPool'
    ? layer.windows(sample).argmax.slice()
    : bitsOf(layer.winners(sample), layer.values(sample).length);
}

/** Reads a layer's choice for one sample; its values are read where they lie, until the next pass. */
export function choiceOf(layer: LayerChoices, sample: number): Choice {
  const affine: Affine = { values: layer.values(sample), slopes: layer.slopes(sample), features: layer.features };
  const words = wordsOf(layer, sample);
  if (layer.kind === 'relu') return { words, exit: (direction, limit) => zeroCrossing(affine, direction, limit) };
  if (layer.kind === 'maxPool') {
    const windows = layer.windows(sample);
    return { words, exit: (direction, limit) => windowExit(affine, windows, direction, limit) };
  }
  const groups = groupsOf(affine, layer.winners(sample), layer.winnersOfEach);
  return {
    words,
    exit(direction, limit) {
      let exit: Exit | undefined;
      for (const tiers of groups) exit = tierExit(tiers, direction, exit?.step ?? limit) ?? exit;
      return exit;
    },
  };
}

/** One bit for each of `length` places. */
function bitsOf(places: Uint32Array, length: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(length / 32));
  for (const place of places) words[place >>> 5] |= 1 << (place & 31);
  return words;
}

/** What a layer compares, `value + step * slope`. */
interface Affine {
  values: Float32Array;
  slopes: Float32Array;
  features: Features;
}

/** Units of one layer. */
interface Tier {
  values: Float32Array;
  slopes: Float32Array;
  /** Where they stand; all places, when left out. */
  places?: Uint32Array;
}

/** Units of a k-WTA layer: its choice holds as long as none overtakes one of the tier above. */
interface Tiers {
  /** The highest first. */
  tiers: Tier[];
  /** Equal values at the threshold that are kept beyond k: as soon as they part, fewer are. */
  tied: Tier | undefined;
  /** Index in C, H, W order, which ties go by. */
  rank(place: number): number;
}

/** The tiers of each group that has winners of its own. */
function groupsOf(affine: Affine, winners: Uint32Array, { scope, k }: LayerChoices['winnersOfEach']): Tiers[] {
  const { values, slopes, features } = affine;
  if (scope === 'layer') {
    const losers: Tier = { values: values.slice(), slopes };
    for (let i = 0; i < winners.length; i++) losers.values[winners[i]] = -Infinity;
    return [tiersOf(affine, winners, losers, k)];
  }
  const { c, h, w } = features;
  const groupOf = (place: number): number => (scope === 'channel' ? place % c : Math.floor(place / c));
  const members = Array.from({ length: scope === 'channel' ? c : h * w }, () => ({
    winners: [] as number[],
    losers: [] as number[],
  }));
  const wins = new Uint8Array(values.length);
  for (const place of winners) wins[place] = 1;
  for (let place = 0; place < values.length; place++) {
    members[groupOf(place)][wins[place] === 1 ? 'winners' : 'losers'].push(place);
  }
  return members.map((group) =>
    tiersOf(affine, Uint32Array.from(group.winners), tierOf(affine, Uint32Array.from(group.losers)), k),
  );
}

function tiersOf(affine: Affine, winners: Uint32Array, losers: Tier, k: number): Tiers {
  const { values, features } = affine;
  const rank = (place: number): number => channelsFirstIndex(place, features);
  if (winners.length <= k) return { tiers: [tierOf(affine, winners), losers], tied: undefined, rank };
  let threshold = Infinity;
  for (const place of winners) threshold = Math.min(threshold, values[place]);
  const above = winners.filter((place) => values[place] !== threshold);
  const tied = tierOf(
    affine,
    winners.filter((place) => values[place] === threshold),
  );
  return { tiers: [tierOf(affine, above), tied, losers], tied, rank };
}

function tierOf({ values, slopes }: Affine, places: Uint32Array): Tier {
  const tier = { places, values: new Float32Array(places.length), slopes: new Float32Array(places.length) };
  for (let i = 0; i < places.length; i++) {
    tier.values[i] = values[places[i]];
    tier.slopes[i] = slopes[places[i]];
  }
  return tier;
}

function tierExit({ tiers, tied, rank }: Tiers, direction: 1 | -1, limit: number): Exit | undefined {
  const apart = tied?.slopes.findIndex((slope) => slope !== tied.slopes[0]) ?? -1;
  if (tied !== undefined && apart >= 0) return { step: 0, out: placeOf(tied, apart), in: -1, lead: 0 };
  let exit: Exit | undefined;
  for (let i = 1; i < tiers.length; i++) {
    exit = firstOvertaking(tiers[i - 1], tiers[i], rank, direction, exit?.step ?? limit) ?? exit;
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
  above: Tier,
  below: Tier,
  rank: Tiers['rank'],
  direction: 1 | -1,
  limit: number,
): Exit | undefined {
  let exit: Exit | undefined;
  let step = limit;
  for (;;) {
    const leaving = lastOf(above, rank, direction * step);
    const entering = firstOf(below, rank, direction * step);
    if (leaving < 0 || entering < 0) return exit;
    const lead = above.values[leaving] - below.values[entering];
    const closing = direction * (below.slopes[entering] - above.slopes[leaving]);
    if (!(closing * step > lead)) return exit;
    const next = lead / closing;
    if (!(next < step)) return exit;
    exit = { step: next, out: placeOf(above, leaving), in: placeOf(below, entering), lead };
    step = next;
  }
}

function placeOf({ places }: Tier, i: number): number {
  return places === undefined ? i : places[i];
}

/** The smallest unit after a move; the last of equal ones, which is overtaken first. -1 for none. */
function lastOf(tier: Tier, rank: Tiers['rank'], move: number): number {
  const { values, slopes } = tier;
  let found = -1;
  let low = Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] + move * slopes[i];
    if (value > low || value === Infinity) continue;
    if (value === low && rank(placeOf(tier, i)) < rank(placeOf(tier, found))) continue;
    found = i;
    low = value;
  }
  return found;
}

/** The largest unit after a move; the first of equal ones. -1 for none. */
function firstOf(tier: Tier, rank: Tiers['rank'], move: number): number {
  const { values, slopes } = tier;
  let found = -1;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] + move * slopes[i];
    if (value < high || value === -Infinity) continue;
    if (value === high && rank(placeOf(tier, i)) > rank(placeOf(tier, found))) continue;
    found = i;
    high = value;
  }
  return found;
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
    const [bottom, right] = [
      Math.min(row * stride - padding + kernel, h),
      Math.min(column * stride - padding + kernel, w),
    ];
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
