/** A run's figures as a table for the terminal. */
import type { Accuracy } from '../evaluate/report.js';
import type { TransferMatrix } from '../evaluate/transferMatrix.js';
import { attackLabel } from './figures.js';
import { duration, modelTitle, percent, percentRange, shortCount } from './format.js';
import type { Evaluation, ModelResult } from './result.js';

/** How to draw the table. */
export interface TableOptions {
  /** Mark the worst case with ANSI colours; for terminals only. */
  colors?: boolean;
}

const HEADERS = ['', 'ε', 'accuracy', '95 % interval', 'correct', 'forward', 'backward', 'time'];

/** A line of a table, one text a column, or a rule between two lines. */
export type Row = { cells: string[]; emphasis?: boolean } | 'rule';

/** One block of lines per model: clean, each attack, and the worst case over all attacks per epsilon. */
export function renderTable(result: Evaluation, options: TableOptions = {}): string {
  const rows = result.models.flatMap((model): Row[] => ['rule', ...modelRows(model, result.epsilons)]);
  return grid(HEADERS, rows, options);
}

/** A table with a frame; the first column is aligned left, all others right. */
export function grid(headers: readonly string[], rows: readonly Row[], { colors = false }: TableOptions = {}): string {
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...rows.map((row) => (row === 'rule' ? 0 : row.cells[column].length))),
  );
  const line = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right;
  const text = (cells: readonly string[]): string =>
    `│${cells.map((cell, column) => ` ${column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])} `).join('│')}│`;
  const body = rows.map((row) => {
    if (row === 'rule') return line('├', '┼', '┤');
    return colors && row.emphasis ? `\u001b[1m${text(row.cells)}\u001b[22m` : text(row.cells);
  });
  return [line('┌', '┬', '┐'), text(headers), ...body, line('└', '┴', '┘')].join('\n');
}

function modelRows(model: ModelResult, epsilons: number[]): Row[] {
  const rows: Row[] = [
    { cells: [modelTitle(model), '', '', '', '', '', '', ''], emphasis: true },
    { cells: ['  clean', '', ...figures(model.clean), '', '', ''] },
  ];
  for (const epsilon of epsilons) {
    for (const attack of model.attacks.filter((candidate) => candidate.epsilon === epsilon)) {
      const { queries, seconds } = attack;
      rows.push({
        cells: [
          `  ${attackLabel(attack)}`,
          String(epsilon),
          ...figures(attack),
          shortCount(queries.forward),
          shortCount(queries.backward),
          duration(seconds),
        ],
      });
      for (const { name, attacked, broken, queries } of attack.stages ?? []) {
        const cost = [shortCount(queries.forward), shortCount(queries.backward)];
        rows.push({ cells: [`    ${name}`, '', '', '', `breaks ${broken}/${attacked}`, ...cost, ''] });
      }
    }
    const worst = model.worstCase[epsilon];
    if (worst !== undefined) {
      rows.push({ cells: ['  worst case', String(epsilon), ...figures(worst), '', '', ''], emphasis: true });
    }
  }
  return rows;
}

function figures({ accuracy, ci95, correct, total }: Accuracy): string[] {
  return [percent(accuracy), percentRange(ci95), `${correct}/${total}`];
}

/** Who fools whom, for the terminal. */
export function renderTransfer({ names, matrix, clean }: TransferMatrix): string {
  const row = (label: string, figures: readonly Accuracy[]): Row => ({
    cells: [label, ...figures.map(({ accuracy }) => percent(accuracy))],
  });
  const rows = matrix.map((figures, source) => row(names[source], figures));
  return grid(['made on ↓, tried on →', ...names], ['rule', ...rows, 'rule', row('no attack', clean)]);
}
