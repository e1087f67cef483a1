/** Tables for the terminal. */

/** @param {import('./blocks.mjs').Table} table */
export function renderTable({ title, note, head, rows }) {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const render = (/** @type {string[]} */ line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ');
  const notes = note ? note.split('\n').map((line) => `  ${line}`) : [];
  return [title, ...lines.map((line) => `  ${render(line)}`.trimEnd()), ...notes].join('\n');
}
