/**
 * What the page of a training run does where it is shown: draws the charts, follows the theme and the width, loads itself
 * again while the run goes on. The function is put into the page as its own text, and so uses nothing but its arguments.
 */
import type uPlot from 'uplot';

/** Curves over epochs. */
export interface Chart {
  title: string;
  /** Values are shares, shown in percent from 0 to 1. */
  share: boolean;
  /** Epochs done, ascending; the curves' values stand at these, null where a curve has none. */
  x: number[];
  curves: { name: string; values: (number | null)[]; dots: boolean }[];
}

/** What the page's script is given. */
export interface PageData {
  charts: Chart[];
  /** Set while the run goes on: when the page was written, in milliseconds, and how often it is. */
  live?: { written: number; every: number };
}

/** Draws into the elements `.chart` of the page, in their order. */
export function showTraining(Plot: typeof uPlot, { charts, live }: PageData): void {
  const colour = (name: string) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dashes = [[], [7, 4], [2, 4], [10, 4, 2, 4]];
  const text = (chart: Chart, value: number | null): string => {
    if (value === null || value === undefined) return '–';
    return chart.share ? `${(100 * value).toFixed(1)} %` : String(Number(value.toPrecision(4)));
  };
  const drawn = charts.map((chart, i) => {
    const place = document.querySelectorAll<HTMLElement>('.chart')[i];
    const axis = {
      stroke: colour('--soft'),
      font: '12px ui-sans-serif, system-ui, sans-serif',
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: place.clientWidth,
      height: 230,
      padding: [10, 12, 0, 0],
      cursor: { sync: { key: 'epochs' }, points: { size: 7 } },
      scales: { x: { time: false }, y: chart.share ? { range: [0, 1] } : {} },
      axes: [
        { ...axis, label: 'epochs', labelFont: axis.font, labelSize: 18, size: 26 },
        {
          ...axis,
          size: 62,
          values: (_, ticks) => ticks.map((tick) => (chart.share ? `${Math.round(100 * tick)} %` : String(tick))),
        },
      ],
      series: [
        { label: 'epochs', value: (_, value) => (value === null ? '–' : value.toFixed(2)) },
        ...chart.curves.map(({ name, dots }, n) => ({
          label: name,
          stroke: colour(`--model-${n}`),
          width: 2,
          dash: dashes[n % dashes.length],
          spanGaps: true,
          points: { show: dots, size: 6 },
          value: (_: uPlot, value: number | null) => text(chart, value),
        })),
      ],
    };
    const plot = new Plot(options, [chart.x, ...chart.curves.map(({ values }) => values)], place);
    const fit = (): void => plot.setSize({ width: place.clientWidth, height: 230 });
    new ResizeObserver(fit).observe(place);
    return plot;
  });
  for (const query of ['(prefers-color-scheme: dark)', 'print']) {
    matchMedia(query).addEventListener('change', () => {
      for (const plot of drawn) plot.redraw(false, true);
    });
  }
  if (live === undefined) return;
  const age = (): number => Date.now() - live.written;
  const status = document.querySelector('.status');
  setInterval(() => {
    if (age() < 20 * live.every || status === null) return;
    status.textContent = 'running? nothing has been written for a while';
  }, live.every);
  // Who looks at a point, or reads what a closer look shows, keeps the page for as long.
  const inUse = (): boolean => document.hidden || document.querySelector('.chart:hover') !== null;
  setInterval(() => {
    if (!inUse()) location.reload();
  }, live.every);
}
