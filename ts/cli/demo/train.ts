/** Trains one model of the demo, with progress. */
import { attacks, type Dataset, type Model, regimes } from '../../index.js';
import { duration } from '../../report/format.js';
import type { HistoryPoint } from '../../report/result.js';
import type { Progress } from '../progress.js';
import { RunningMeans } from '../runningMeans.js';
import { FIT, type RegimeName, TRAINING_ATTACK } from './defaults.js';

export interface TrainOptions {
  title: string;
  regime: RegimeName;
  epochs: number;
  seed: number;
  signal: AbortSignal;
}

/** How the models are trained, in words. */
export function regimeText(regime: RegimeName): string {
  const { steps, epsilon } = TRAINING_ATTACK;
  return regime === 'natural' ? 'natural' : `adversarial (PGD-${steps}, ε = ${epsilon})`;
}

/** Trains in place. */
export async function trainModel(
  model: Model,
  data: Dataset,
  options: TrainOptions,
  progress: Progress,
): Promise<{ history: HistoryPoint[]; seconds: number }> {
  const { title, epochs, seed, signal } = options;
  const regime =
    options.regime === 'natural'
      ? regimes.natural()
      : regimes.adversarial(attacks.pgd({ steps: TRAINING_ATTACK.steps }), { epsilon: TRAINING_ATTACK.epsilon });
  const task = progress.task(`Training ${title}`);
  const history: HistoryPoint[] = [];
  const recent = new RunningMeans();
  const started = performance.now();
  const secondsSoFar = (): number => (performance.now() - started) / 1000;
  for await (const event of model.fit(data, { ...FIT, epochs, regime, seed, signal })) {
    if (event.type === 'epoch') continue;
    const { epoch, step, steps, loss, accuracy } = event;
    history.push({ epoch: (epochs * step) / steps, loss, accuracy });
    recent.add(loss, accuracy);
    const rate = (data.length * epochs * step) / steps / secondsSoFar();
    task.update(step / steps, `epoch ${epoch + 1}/${epochs} · ${recent.text()} · ${rate.toFixed(0)} images/s`);
  }
  const seconds = secondsSoFar();
  const rate = (data.length * epochs) / seconds;
  task.end(`${recent.text()} on the last training images, ${rate.toFixed(0)} images/s, ${duration(seconds)}`);
  return { history, seconds };
}
