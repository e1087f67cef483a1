/** The word that somebody may have meant. */

/** The first of the closest of `known` to `word`, unless more than a third of its letters would have to change. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: { word: string; distance: number } | undefined;
  for (const other of known) {
    const distance = edits(word.toLowerCase(), other.toLowerCase());
    if (distance <= Math.max(word.length, other.length) / 3 && (best === undefined || distance < best.distance)) {
      best = { word: other, distance };
    }
  }
  return best?.word;
}

/** How many letters have to be put in, taken out or changed (Levenshtein 1966), two neighbours that change places being one. */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1] + Number(a[i - 1] !== b[j - 1]);
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, changed);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
