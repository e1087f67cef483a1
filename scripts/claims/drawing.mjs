// What the figures of the docs share: several runs as one point, and a plot as a file of its own.

/** Labels beside each other below a plot, and the height of such a row. */
const inRow = 3;
const rowHeight = 20;

/** @typedef {{ x: number, y: number, range: [number, number] }} Point */

/**
 * The mean of several runs, and from the lowest to the highest.
 * @param {number} x @param {number[]} values
 * @returns {Point}
 */
export function pointOf(x, values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { x, y: mean, range: [Math.min(...values), Math.max(...values)] };
}

/**
 * Mean and range in words.
 * @param {Point} point @param {boolean} share whether they are parts of 1
 */
export function text({ y, range }, share) {
  const [mean, low, high] = [y, ...range].map((value) => (share ? `${(100 * value).toFixed(1)} %` : value.toFixed(3)));
  return low === high ? mean : `${mean} (${low.replace(' %', '')} to ${high})`;
}

/**
 * The plot as a file of its own, with its style and what each curve is.
 * @param {string} svg @param {string[]} labels @param {string} style
 */
export function alone(svg, labels, style) {
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  const rows = Math.ceil(labels.length / inRow);
  const spans = labels.map((label, i) => {
    const place = i % inRow === 0 ? `x="16" y="${Number(height) + 16 + rowHeight * (i / inRow)}"` : 'dx="12"';
    return `<tspan class="model-${i}" ${place}>${label}</tspan>`;
  });
  const below = `<text>${spans.join('')}</text>`;
  return `${svg
    .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" ')
    .replace(`viewBox="0 0 ${width} ${height}"`, `viewBox="0 0 ${width} ${Number(height) + 6 + rowHeight * rows}"`)
    .replace('>', `><style>${style} .plot tspan { fill: var(--model); }</style>`)
    .replace('</svg>', `${below}</svg>`)}\n`;
}
