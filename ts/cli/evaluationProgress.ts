/** Progress of an evaluation on the terminal: a bar for each attack on each model, and what it left. */
import type { EvaluationProgress } from '../index.js';
import { duration, percent } from '../report/format.js';
import type { Progress, Task } from './progress.js';

/** Watches one evaluation; `title` is what a model is called that the events do not name. */
export class EvaluationWatch {
  readonly #progress: Progress;
  readonly #title: string | undefined;
  #shown: { key: string; task: Task; started: number; left: string[] } | undefined;

  constructor(progress: Progress, title?: string) {
    this.#progress = progress;
    this.#title = title;
  }

  /** For `onProgress`. */
  readonly report = ({ model, name, epsilon, done, accuracy, secondsLeft }: EvaluationProgress): void => {
    const on = model ?? this.#title;
    const title = on === undefined ? name : `${name} on ${on}`;
    if (this.#shown?.key !== title) this.end();
    this.#shown ??= { key: title, task: this.#progress.task(title), started: performance.now(), left: [] };
    const { task, left } = this.#shown;
    // How many radii a curve has is not known before its end, and `done` is of one of them.
    const guess = name === 'curve' ? null : secondsLeft;
    if (accuracy === undefined) task.update(done, `ε = ${Number(epsilon.toPrecision(3))}`, guess);
    else left.push(`${percent(accuracy)} right at ε = ${epsilon}`);
  };

  /** The last attack is over. */
  end(): void {
    if (this.#shown === undefined) return;
    const { task, started, left } = this.#shown;
    task.end([...left, duration((performance.now() - started) / 1000)].join(', '));
    this.#shown = undefined;
  }
}
