/** What is known of a run: its events, in the folder and on standard output, and what the page and the last lines say of them. */
import { count, duration, percent } from '../../report/format.js';
import type { RunState, TrainingView } from '../../report/training.js';
import type { LoggedBatch, LoggedEpoch } from '../../report/trainingCurves.js';
import { pageEvery } from './pageWriter.js';
import type { RunTask } from './run.js';
import { lineOf, type Milestone, type Place, type RunEvent } from './runFolder.js';

/** What does not change. */
type Known = Omit<
  TrainingView,
  'state' | 'message' | 'batches' | 'epochs' | 'warnings' | 'test' | 'started' | 'written' | 'every'
>;

type DutyCycles = NonNullable<LoggedEpoch['dutyCycles']>;

export class RunRecord {
  readonly batches: LoggedBatch[] = [];
  readonly epochs: LoggedEpoch[] = [];
  readonly #warnings: string[] = [];
  /** Seconds of training before this process. */
  readonly secondsBefore: number;
  #state: RunState = 'running';
  #message: string | undefined;
  #test: TrainingView['test'];
  #started = new Date();

  constructor(
    private readonly task: RunTask,
    private readonly known: Known,
  ) {
    for (const event of task.folder.events) this.#keep(event);
    this.secondsBefore = this.batches.at(-1)?.seconds ?? 0;
  }

  get title(): string {
    return this.known.title;
  }

  /** Tells that the run begins, or goes on. */
  begin(place: Place | undefined): void {
    const { dataset, images, parameters, runtime, versions } = this.known;
    const facts = { dataset, images, parameters, runtime, versions };
    this.#tell(place === undefined ? milestone('start', facts) : milestone('resume', { ...facts, step: place.step }));
  }

  add(event: LoggedBatch | LoggedEpoch): void {
    this.#tell(event);
  }

  addDutyCycles(epoch: number, layers: DutyCycles): void {
    this.#tell({ type: 'dutyCycles', epoch, layers });
  }

  warn(warnings: readonly string[]): void {
    for (const warning of warnings) if (!this.#warnings.includes(warning)) this.#warnings.push(warning);
  }

  end(state: Exclude<RunState, 'running'>, facts: object, message?: string, test?: TrainingView['test']): void {
    this.#state = state;
    this.#message = message;
    this.#test = test;
    this.#tell(milestone(state, facts));
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  get lastStep(): number {
    return this.batches.at(-1)?.step ?? 0;
  }

  /** Of the last epoch, for the model's file. */
  get lastFigures(): Pick<LoggedEpoch, 'loss' | 'accuracy' | 'validationAccuracy'> | undefined {
    const last = this.epochs.at(-1);
    return last && { loss: last.loss, accuracy: last.accuracy, validationAccuracy: last.validationAccuracy };
  }

  /** How the training went, in words. */
  get sentences(): string[] {
    const last = this.epochs.at(-1);
    if (last === undefined) return [];
    const seconds = this.batches.at(-1)?.seconds ?? 0;
    const trained = `${this.title}: ${this.epochs.length} epochs, ${count(this.lastStep)} steps in ${duration(seconds)}`;
    const figures = `loss ${last.loss.toFixed(3)}, accuracy ${percent(last.accuracy)} on the images as trained on`;
    const validated = this.epochs.filter(({ validationAccuracy }) => validationAccuracy !== undefined);
    const best = validated.reduce<LoggedEpoch | undefined>(
      (found, event) => ((event.validationAccuracy ?? 0) > (found?.validationAccuracy ?? -1) ? event : found),
      undefined,
    );
    const text = `${trained}; in the last one ${figures}.`;
    if (best?.validationAccuracy === undefined) return [text];
    const lastValidation = percent(last.validationAccuracy ?? 0);
    return [
      text,
      `Validation accuracy ${lastValidation}; the best was ${percent(best.validationAccuracy)}, after epoch ${best.epoch + 1}.`,
    ];
  }

  view(): TrainingView {
    return {
      ...this.known,
      state: this.#state,
      message: this.#message,
      batches: this.batches,
      epochs: this.epochs,
      warnings: this.#warnings,
      test: this.#test,
      started: this.#started,
      written: new Date(),
      every: pageEvery,
    };
  }

  #tell(event: RunEvent): void {
    this.#keep(event);
    this.task.folder.add(event);
    if (this.task.json) process.stdout.write(lineOf(event));
  }

  #keep(event: RunEvent): void {
    if (event.type === 'batch') this.batches.push(event);
    else if (event.type === 'epoch') {
      this.epochs.push({ ...event });
      this.warn(event.warnings ?? []);
    } else if (event.type === 'dutyCycles') {
      const epoch = this.epochs.find(({ epoch }) => epoch === event.epoch);
      if (epoch !== undefined) epoch.dutyCycles = event.layers;
    } else if (event.type === 'start') this.#started = new Date(event.date);
  }
}

function milestone(type: Milestone['type'], facts: object): Milestone {
  return { type, date: new Date().toISOString(), ...facts };
}
