/**
 * Successive halving (Jamieson & Talwalkar 2016): all configurations get a few epochs, the best of them more, and so on. One
 * that differs in its seed alone is judged together with its kin, by the mean of what is known of them.
 */

/** What trials of a rung get, and how many configurations of it go on. */
export interface Rung {
  /** Epochs in all. */
  epochs: number;
  /** Into the next rung. */
  survivors: number;
}

/** A trial as it is judged. */
export interface Candidate {
  group: number;
  /** Of the objective, by rung. */
  values: readonly number[];
  failed: boolean;
}

/** The rungs for so many configurations: from each to the next the best in `factor` go on, at least one. */
export function rungsOf(configurations: number, epochs: readonly number[], factor: number): Rung[] {
  let left = configurations;
  return epochs.map((each) => {
    left = Math.max(1, Math.floor(left / factor));
    return { epochs: each, survivors: left };
  });
}

/** What comes next: a rung, the end, or a wait for others of the same rung. */
export type Next = number | 'pruned' | 'wait';

/** What comes next for each. */
export function nextRungs(candidates: readonly Candidate[], rungs: readonly Rung[]): Next[] {
  const groups = new Map<number, Candidate[]>();
  for (const each of candidates) {
    const known = groups.get(each.group);
    if (known === undefined) groups.set(each.group, [each]);
    else known.push(each);
  }
  let inside = new Set(groups.keys());
  const next = candidates.map((): Next => 0);
  for (let r = 0; r < rungs.length - 1; r++) {
    const members = [...inside].flatMap((group) => groups.get(group) as Candidate[]);
    const all = members.every(({ values, failed }) => failed || values.length > r);
    const best = [...inside]
      .map((group) => ({ group, score: scoreOf(groups.get(group) as Candidate[], r) }))
      .sort((a, b) => b.score - a.score || a.group - b.group)
      .slice(0, rungs[r].survivors);
    const standing = new Set(best.map(({ group }) => group));
    for (const [c, { group, values }] of candidates.entries()) {
      if (!inside.has(group) || values.length <= r) continue;
      if (!all) next[c] = 'wait';
      else next[c] = standing.has(group) ? r + 1 : 'pruned';
    }
    if (!all) break;
    inside = standing;
  }
  return next;
}

/** One of whose trials any failed is the worst. */
function scoreOf(group: readonly Candidate[], rung: number): number {
  if (group.some(({ failed }) => failed)) return Number.NEGATIVE_INFINITY;
  return group.reduce((sum, { values }) => sum + values[rung], 0) / group.length;
}
