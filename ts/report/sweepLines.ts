/** Parallel coordinates: an axis for each option that a sweep varied and one for the objective, a line for each trial. */
import { escapeHtml, percent } from './format.js';
import { optionText } from './optionText.js';
import { type SweepTrial, shortName } from './sweep.js';

const WIDTH = 720;
const HEIGHT = 300;
const MARGIN = { left: 60, right: 70, top: 34, bottom: 16 };
/** More lines would be a blot. */
const most = 2000;

interface Axis {
  name: string;
  /** From 0, at the lower end, to 1. */
  at(trial: SweepTrial): number;
  ticks: { at: number; text: string }[];
}

/** As SVG text; nothing where there is nothing to see. @param trials the best first. */
export function parallelAxes(
  trials: readonly SweepTrial[],
  places: readonly string[],
  objective: string,
): string | undefined {
  if (trials.length === 0 || places.length === 0) return undefined;
  const drawn = trials.slice(0, most);
  const axes = [...places.map((place) => axisOf(place, drawn)), objectiveAxis(objective, drawn)];
  const x = (a: number): number =>
    MARGIN.left + ((WIDTH - MARGIN.left - MARGIN.right) * a) / Math.max(axes.length - 1, 1);
  const y = (share: number): string =>
    (HEIGHT - MARGIN.bottom - (HEIGHT - MARGIN.top - MARGIN.bottom) * share).toFixed(1);
  const last = axes[axes.length - 1];
  const lines = [...drawn].reverse().map((trial) => {
    const path = axes.map((axis, a) => `${a === 0 ? 'M' : 'L'}${x(a).toFixed(1)} ${y(axis.at(trial))}`).join('');
    const text = [
      `trial ${trial.number}`,
      ...places.map((place) => `${shortName(place)} ${optionText(trial.options[place])}`),
      `${objective} ${percent(trial.value as number)}`,
    ].join(', ');
    const opacity = (0.12 + 0.78 * last.at(trial) ** 2).toFixed(2);
    return `<path d="${path}" stroke-opacity="${opacity}"><title>${escapeHtml(text)}</title></path>`;
  });
  const frames = axes.map(({ name, ticks }, a) => {
    const place = x(a).toFixed(1);
    const marks = ticks.map(
      ({ at, text }) =>
        `<text class="tick" x="${(x(a) + 5).toFixed(1)}" y="${(Number(y(at)) + 4).toFixed(1)}">${escapeHtml(text)}</text>`,
    );
    return `<line class="axis" x1="${place}" x2="${place}" y1="${y(0)}" y2="${y(1)}"/>
<text class="name" x="${place}" y="16" text-anchor="middle">${escapeHtml(name)}</text>${marks.join('')}`;
  });
  const title = `Trials on the axes ${axes.map(({ name }) => name).join(', ')}`;
  return `<svg class="plot lines" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">${lines.join('')}${frames.join('')}</svg>`;
}

function axisOf(place: string, trials: readonly SweepTrial[]): Axis {
  const values = trials.map(({ options }) => options[place]);
  if (values.every((value) => typeof value === 'number')) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // What spans more than a power of ten was chosen by its logarithm.
    const scale = low > 0 && high / low > 10 ? Math.log : (value: number): number => value;
    const at = (value: number): number =>
      high === low ? 0.5 : (scale(value) - scale(low)) / (scale(high) - scale(low));
    const distinct = [...new Set(values)].sort((a, b) => a - b);
    const marked = distinct.length <= 8 ? distinct : [low, high];
    return {
      name: shortName(place),
      at: ({ options }) => at(options[place] as number),
      ticks: marked.map((value) => ({ at: at(value), text: String(Number(value.toPrecision(3))) })),
    };
  }
  const texts = [...new Set(values.map(optionText))].sort();
  const at = (text: string): number => (texts.length === 1 ? 0.5 : texts.indexOf(text) / (texts.length - 1));
  const cut = (text: string): string => (text.length > 18 ? `${text.slice(0, 17)}…` : text);
  return {
    name: shortName(place),
    at: ({ options }) => at(optionText(options[place])),
    ticks: texts.map((text) => ({ at: at(text), text: cut(text) })),
  };
}

function objectiveAxis(objective: string, trials: readonly SweepTrial[]): Axis {
  const values = trials.map(({ value }) => value as number);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const at = (value: number): number => (high === low ? 1 : (value - low) / (high - low));
  return {
    name: objective,
    at: ({ value }) => at(value as number),
    ticks: [...new Set([low, high])].map((value) => ({ at: at(value), text: percent(value) })),
  };
}
