/** Keeps a run's page up to date: now and then while there is news, and at once where something is over. */
import { readFileSync } from 'node:fs';
import { type ChartLibrary, renderTraining, type TrainingView } from '../../report/training.js';
import { writeText } from '../output.js';

/** Milliseconds between two pages. */
export const pageEvery = 3000;

const text = (name: string): string => readFileSync(new URL(`../../report/${name}`, import.meta.url), 'utf8');

export class PageWriter {
  readonly #library: ChartLibrary = { script: text('uplot.js'), style: text('uplot.css') };
  #written = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(
    private readonly path: string,
    private readonly view: () => TrainingView,
  ) {}

  /** There is news, which may wait. */
  soon(): void {
    if (this.#writing === undefined && performance.now() - this.#written > pageEvery) void this.now();
  }

  /** Something is over. What cannot be written stops no training: {@link failure} tells. */
  async now(): Promise<void> {
    // Two pages in a row would be renamed in any order.
    while (this.#writing !== undefined) await this.#writing;
    this.#writing = this.#write();
    await this.#writing;
  }

  /** Why the last page could not be written, if so. */
  get failure(): string | undefined {
    return this.#failure?.message;
  }

  async #write(): Promise<void> {
    try {
      await writeText(this.path, renderTraining(this.view(), this.#library));
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error as Error;
    } finally {
      this.#written = performance.now();
      this.#writing = undefined;
    }
  }
}
