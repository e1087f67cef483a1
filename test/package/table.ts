/** What each environment found, printed as a table; all losses must be the same bits. */
import { expect } from 'vitest';
import type { Outcome } from './program.js';

export class Table {
  readonly #rows: [environment: string, outcome: Outcome][] = [];

  /** @throws unless the loss is, bit for bit, that of the environments before. */
  add(environment: string, outcome: Outcome): void {
    const [first] = this.#rows;
    this.#rows.push([environment, outcome]);
    expect(Number.isFinite(outcome.loss), `${environment}: a loss`).toBe(true);
    if (first !== undefined) expect(outcome.loss, `${environment}: the loss of ${first[0]}`).toBe(first[1].loss);
  }

  print(): void {
    const cells = this.#rows.map(([environment, { variant, threads, loss }]) => [
      environment,
      variant,
      String(threads),
      String(loss),
    ]);
    const all = [['environment', 'variant', 'threads', 'loss'], ...cells];
    const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
    const lines = all.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  '));
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}
