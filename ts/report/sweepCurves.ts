/** Accuracies over a number that a sweep varied, such as gamma: a plot for each choice of all other options. */
import { niceStep, plain, plot, type Series, wholePercent } from './curves.js';
import { optionText } from './optionText.js';
import { type SweepTrial, type SweepView, shortName } from './sweep.js';

/** One plot. */
export interface AgainstPlot {
  title: string;
  /** Along its lower edge. */
  place: string;
  svg: string;
  /** Of its curves. */
  names: string[];
}

/** More would be no picture. */
const most = { plots: 8, curves: 6 };

/** None where no number was varied. @param varied places where trials differ. */
export function againstPlots(
  { trials, figures }: Pick<SweepView, 'trials' | 'figures'>,
  varied: readonly string[],
): AgainstPlot[] {
  const numeric = varied.filter((place) => trials.every(({ options }) => typeof options[place] === 'number'));
  const place = numeric.find((name) => name.endsWith('gamma')) ?? numeric[0];
  if (place === undefined) return [];
  const others = varied.filter((name) => name !== place);
  const groups = new Map<string, SweepTrial[]>();
  for (const trial of trials.filter(({ state }) => state === 'complete')) {
    const title = others.map((name) => `${shortName(name)} ${optionText(trial.options[name])}`).join(', ');
    const known = groups.get(title);
    if (known === undefined) groups.set(title, [trial]);
    else known.push(trial);
  }
  const values = trials.map(({ options }) => options[place] as number);
  const [start, end] = [Math.min(...values), Math.max(...values)];
  return [...groups].slice(0, most.plots).map(([title, own]) => {
    const names = figures.slice(0, most.curves);
    const series = names.map((figure, model): Series => ({ model, points: pointsOf(own, place, figure) }));
    const drawn = series.filter(({ points }) => points.length > 0);
    const what = `Accuracy over ${shortName(place)}${title === '' ? '' : `, ${title}`}`;
    const svg = plot(drawn, {
      title: what,
      unit: shortName(place),
      start,
      end,
      step: niceStep(end - start),
      columnLabel: plain,
      ceiling: 1,
      rise: 0.25,
      label: wholePercent,
    });
    return { title: title === '' ? 'all trials' : title, place: shortName(place), svg, names };
  });
}

/** Means over trials that share a value, and the hull of their intervals. */
function pointsOf(trials: readonly SweepTrial[], place: string, figure: string): Series['points'] {
  const columns = new Map<number, SweepTrial['figures'][string][]>();
  for (const { options, figures } of trials) {
    if (figures[figure] === undefined) continue;
    const x = options[place] as number;
    const known = columns.get(x);
    if (known === undefined) columns.set(x, [figures[figure]]);
    else known.push(figures[figure]);
  }
  const ascending = [...columns].sort(([a], [b]) => a - b);
  return ascending.map(([x, here]) => {
    const y = here.reduce((sum, { accuracy }) => sum + accuracy, 0) / here.length;
    const bounds = here.map(({ accuracy, ci95 = [accuracy, accuracy] }) => ci95);
    return { x, y, range: [Math.min(...bounds.map(([low]) => low)), Math.max(...bounds.map(([, high]) => high))] };
  });
}
