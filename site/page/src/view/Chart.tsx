/** Curves over a common axis, drawn by uPlot, in the width that there is. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { cssColour, dark } from '../draw/theme.js';

export interface Line {
  label: string;
  /** Name of a colour of the style sheet. */
  colour: string;
  values: readonly (number | null)[];
}

interface Props {
  x: readonly number[];
  xLabel: string;
  lines: readonly Line[];
  /** What is shown, in words. */
  label: string;
  height: number;
  /** Largest x. */
  xMost: number;
}

/** The least that the values' axis reaches to, so that noise about nothing does not fill the chart. */
const leastTop = 0.5;

export function Chart({ x, xLabel, lines, label, height, xMost }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const most = useRef(xMost);
  most.current = xMost;
  const names = lines.map((line) => `${line.label} ${line.colour}`).join();

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const axis = (extra: Partial<uPlot.Axis>): uPlot.Axis => ({
      stroke: () => cssColour('faint'),
      grid: { stroke: () => cssColour('line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
      labelFont: '12px system-ui, sans-serif',
      labelSize: 18,
      ...extra,
    });
    const made = new uPlot(
      {
        width: Math.max(1, element.clientWidth),
        height,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 8, 0, 0],
        scales: {
          x: { time: false, range: (_, min) => [min ?? 0, most.current] },
          y: { range: (_, __, max) => [0, Math.max(leastTop, max ?? 0) * 1.05] },
        },
        axes: [axis({ label: xLabel, size: 26, grid: { show: false } }), axis({ size: 38 })],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.label,
            stroke: () => cssColour(line.colour),
            width: 2,
            points: { show: false },
          })),
        ],
      },
      [[], ...lines.map(() => [])],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, xLabel, height]);

  useEffect(() => {
    plot.current?.setData([[...x], ...lines.map(({ values }) => [...values])]);
  });

  const theme = dark.value;
  useEffect(() => plot.current?.redraw(), [theme]);

  return <div ref={place} class="chart" style={{ height: `${height}px` }} role="img" aria-label={label} />;
}
