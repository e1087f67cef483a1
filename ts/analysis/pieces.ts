/**
 * All affine pieces along a segment, in order, and what changes between them.
 *
 * The set of points where every layer chooses the same is convex: it is where one list of affine inequalities holds, layer
 * after layer. So if two points agree in all choices, nothing changes between them; and a point tells, from values and
 * slopes alone, how far its piece reaches to either side. The search evaluates the network in gaps between the pieces
 * that it knows until there is none: one evaluation a piece, whatever the segment. Two neighbours are done with when
 *
 * - the upper end of the one and the lower end of the other are the same two units of the same layer changing places, and
 *   nothing else in that layer or before it differs: the layer is affine from the one point to the other, so both ends are
 *   one crossing, however coarsely 32-bit numbers tell where it is;
 * - or their ends meet, or the two points themselves, up to the segment's resolution.
 *
 * Foreseen ends only say where to look. What counts as a change is a difference between what the network, in its own
 * arithmetic, chose at two points.
 */

import type { Anchor, Gap, Segment, SegmentLayer } from './anchor.js';
import { changeBetween } from './exits.js';

/** A change of what layers choose, between two neighbouring pieces. */
export interface Boundary {
  t: number;
  /** Number of the first layer that changes, among those that choose, and the places that it exchanges. */
  layer: number;
  out: number[];
  in: number[];
  /** Evaluated in the piece before, and in the one behind. */
  before: Anchor;
  after: Anchor;
}

/** What is known of one piece: its outermost evaluated points. */
interface Piece {
  first: Anchor;
  last: Anchor;
}

/** Evaluations of one gap that found no new piece, before it is simply halved. */
const patience = 4;

/** See above; yields boundaries from t = 0 on, undefined after each round of evaluations. */
export function* boundariesOf(
  segment: Segment,
  layers: readonly SegmentLayer[],
  lanes: number,
): Generator<Boundary | undefined, void, void> {
  const [start, end] = segment.evaluate([0, 1].map((t) => ({ low: 0, t, high: 1 })));
  if (same(start, end)) return;
  /** From the first piece that is not done with to the last. */
  let pieces: Piece[] = [pieceOf(start), pieceOf(end)];
  /** How often the gap before a piece was looked at in vain. */
  const vain = new WeakMap<Piece, number>();
  while (pieces.length > 1) {
    const gaps: Gap[] = [];
    const found: (Boundary | Gap | undefined)[] = [];
    for (let i = 1; i < pieces.length && gaps.length < lanes; i++) {
      const look = between(pieces[i - 1].last, pieces[i].first, segment, layers, vain.get(pieces[i]) ?? 0);
      found[i] = look;
      if ('high' in look) gaps.push(look);
    }
    const anchors = gaps.length > 0 ? segment.evaluate(gaps) : [];
    const next: Piece[] = [pieces[0]];
    let done = true;
    let taken = 0;
    for (let i = 1; i < pieces.length; i++) {
      const look = found[i];
      const piece = pieces[i];
      if (look === undefined) {
        done = false;
        next.push(piece);
      } else if ('high' in look) {
        done = false;
        insert(next, anchors[taken++], piece, vain);
      } else {
        if (done) {
          yield look;
          next.length = 0;
        }
        next.push(piece);
      }
    }
    pieces = next;
    yield undefined;
  }
}

function pieceOf(anchor: Anchor): Piece {
  return { first: anchor, last: anchor };
}

function same(a: Anchor, b: Anchor): boolean {
  return firstDifference(a, b) === undefined;
}

/** Puts a point between the last of `pieces` and `behind`; where it lies on one of both, they grow. */
function insert(pieces: Piece[], anchor: Anchor, behind: Piece, vain: WeakMap<Piece, number>): void {
  const before = pieces[pieces.length - 1];
  const [joinsBefore, joinsBehind] = [same(before.last, anchor), same(anchor, behind.first)];
  vain.set(behind, joinsBefore || joinsBehind ? (vain.get(behind) ?? 0) + 1 : 0);
  if (joinsBefore) before.last = anchor;
  else if (joinsBehind) behind.first = anchor;
  else pieces.push(pieceOf(anchor));
  pieces.push(behind);
}

/** What lies between two neighbours: their boundary, or where to look for another piece. */
function between(
  before: Anchor,
  after: Anchor,
  segment: Segment,
  layers: readonly SegmentLayer[],
  vain: number,
): Boundary | Gap {
  const layer = firstDifference(before, after);
  if (layer === undefined) throw new TypeError('neighbouring pieces are the same');
  const change = changeBetween(layers[layer].kind, layers[layer].c, before.choices[layer], after.choices[layer]);
  const { resolution } = segment;
  const high = clamp(before.upper?.t ?? 1, before.t, after.t);
  const low = clamp(after.lower?.t ?? 0, before.t, after.t);
  const meeting = commonCrossing(before, after, layer, change);
  const narrow = Math.abs(high - low) <= resolution || after.t - before.t <= resolution;
  if (meeting !== undefined || narrow) {
    return { t: meeting ?? (high + low) / 2, layer, ...change, before, after };
  }
  const middle = vain >= patience ? (before.t + after.t) / 2 : (high + low) / 2;
  const t = clamp(middle, before.t + resolution / 4, after.t - resolution / 4);
  return { low: before.t, t, high: after.t };
}

/** Number of the first layer that chose otherwise. */
function firstDifference(a: Anchor, b: Anchor): number | undefined {
  for (const [layer, words] of a.choices.entries()) {
    const others = b.choices[layer];
    for (let i = 0; i < words.length; i++) if (words[i] !== others[i]) return layer;
  }
  return undefined;
}

/** Where two units meet that both pieces see as their end, if that is all that differs. */
function commonCrossing(
  { t, upper }: Anchor,
  after: Anchor,
  layer: number,
  change: { out: number[]; in: number[] },
): number | undefined {
  const { lower } = after;
  if (upper?.layer !== layer || lower?.layer !== layer) return undefined;
  if (upper.out !== lower.in || upper.in !== lower.out) return undefined;
  const only = (places: number[], place: number): boolean =>
    place < 0 ? places.length === 0 : places.length === 1 && places[0] === place;
  if (!only(change.out, upper.out) || !only(change.in, upper.in)) return undefined;
  // Their difference is affine from the one point to the other, and has the values `lead` at both ends.
  const total = upper.lead + lower.lead;
  return total > 0 ? t + ((after.t - t) * upper.lead) / total : (t + after.t) / 2;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
