// Tables of a comparison, in markdown: what attacks leave inside a ball, or how far the closest adversarials are.

/**
 * @typedef {{ left: number, seconds: number, right: boolean[] }} Share share and samples that an attack leaves
 * @typedef {{ distances: (number | null)[], seconds: number }} Distances of all samples; null where the attack fails
 */

/**
 * What an attack of this package and those of other programs have to show, by attack.
 * @template T
 * @typedef {{ names: string[], here: Map<string, T>, others: Map<string, Map<string, T> | undefined> }} Results
 */

/** @param {Results<Share>} results */
export function printShares(results) {
  console.log('In brackets: samples that kwta alone breaks, and that the other alone breaks.\n');
  const share = (/** @type {Share} */ { left }) => `${(100 * left).toFixed(1)} %`;
  printTable(results, share, (outcome, own) => {
    const more = own.right.filter((right, i) => !right && outcome.right[i]).length;
    const less = own.right.filter((right, i) => right && !outcome.right[i]).length;
    return `${share(outcome)} (${more} : ${less})`;
  });
}

/**
 * @param {Results<Distances>} results
 * @param {boolean[]} right samples that the model has right
 */
export function printDistances(results, right) {
  console.log('Median distances of the samples that the model has right.\n');
  const cell = (/** @type {Distances} */ { distances }) => medianOf(distances, right).toPrecision(4);
  printTable(results, cell, cell);
}

/**
 * The median distance of the samples that the model has right; a failure is infinitely far away.
 * @param {(number | null)[]} distances
 * @param {boolean[]} right
 */
export function medianOf(distances, right) {
  const own = distances.filter((_, i) => right[i]).map((distance) => distance ?? Number.POSITIVE_INFINITY);
  own.sort((a, b) => (a < b ? -1 : Number(a > b)));
  return (own[Math.floor((own.length - 1) / 2)] + own[Math.floor(own.length / 2)]) / 2;
}

/**
 * @template {{ seconds: number }} T
 * @param {Results<T>} results
 * @param {(own: T) => string} ours
 * @param {(outcome: T, own: T) => string} theirs
 */
function printTable({ names, here, others }, ours, theirs) {
  const line = (/** @type {string[]} */ cells) => console.log(`| ${cells.join(' | ')} |`);
  const seconds = (/** @type {T} */ outcome) => `${outcome.seconds.toFixed(1)} s`;
  const programs = [...others].filter(([, outcomes]) => outcomes?.size !== 0);
  line(['attack', 'kwta', ...programs.map(([program]) => program)]);
  line(Array(2 + programs.length).fill('---'));
  for (const name of names) {
    const own = here.get(name);
    if (!own) continue;
    const cells = programs.map(([, outcomes]) => {
      if (!outcomes) return 'not installed';
      const outcome = outcomes.get(name);
      return outcome ? `${theirs(outcome, own)} in ${seconds(outcome)}` : '';
    });
    line([name, `${ours(own)} in ${seconds(own)}`, ...cells]);
  }
}
