/** A training run in its folder: from the images to the trained model, with all that is told on the way. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  accuracyOf,
  ConfigError,
  createRuntime,
  type FitOptions,
  MemoryError,
  type Model,
  nn,
  type Runtime,
  ShapeError,
} from '../../index.js';
import { duration, percent, percentRange } from '../../report/format.js';
import { fitOptionsOf, modelOfConfig, type TrainConfig } from '../../train/config.js';
import { annealed } from '../../train/schedules/anneal.js';
import { checkFits } from '../models.js';
import { UsageError } from '../options.js';
import { formatJson } from '../output.js';
import type { Progress } from '../progress.js';
import { RunningMeans } from '../runningMeans.js';
import { versions } from '../version.js';
import { firstBatch, type RunImages, readRunImages } from './images.js';
import { PageWriter } from './pageWriter.js';
import { RunRecord } from './record.js';
import type { Place, RunFolder } from './runFolder.js';
import { nameOf, settings } from './settings.js';

export interface RunTask {
  config: TrainConfig;
  folder: RunFolder;
  /** There is a run in the folder, which goes on. */
  resume: boolean;
  /** Every event is also a line of standard output. */
  json: boolean;
}

/** Trains, and writes the model. @throws what ended it; the page and the events say so then, too. */
export async function runTraining(task: RunTask, progress: Progress, signal: AbortSignal): Promise<void> {
  const { config, folder, resume } = task;
  const images = await readRunImages(config);
  await using runtime = await createRuntime({ threads: config.threads, deterministic: config.deterministic });
  const model = await buildModel(runtime, config, images);
  signal.throwIfAborted();
  const place = resume ? await folder.newest() : undefined;
  if (resume) folder.readEvents(place);
  else folder.begin();
  const record = new RunRecord(task, viewOf(task, images, model, runtime));
  const run = new Run(task, { runtime, model, images, place }, record, progress);
  try {
    await run.fit(signal);
    await run.finish(signal);
  } catch (error) {
    await run.failed(error, signal);
    throw error;
  } finally {
    folder.close();
  }
}

async function buildModel(runtime: Runtime, config: TrainConfig, { train }: RunImages): Promise<Model> {
  const { seed, recompute } = config;
  try {
    const spec = modelOfConfig(config, { classes: train.classes, input: train.shape });
    const model = await runtime.model(spec, { seed, recompute });
    checkFits('--model', model, train);
    return model;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof ShapeError) throw new UsageError(`--model: ${error.message}`);
    throw error;
  }
}

function viewOf({ config }: RunTask, images: RunImages, model: Model, { info }: Runtime) {
  const { train, validation, test } = images;
  return {
    title: titleOf(config),
    dataset: train.name,
    images: { training: train.length, validation: validation?.length, test: test?.length },
    parameters: model.parameters,
    runtime: info,
    config,
    firstBatch: firstBatch(train, config),
    versions: versions(),
  };
}

/** `resNet18, kwta 0.1` */
function titleOf({ model }: TrainConfig): string {
  if (model.type === 'sequential') return model.name ?? 'own layers';
  const { type, ...options } = model.activation;
  const [first] = 'gamma' in options || 'k' in options ? [options.gamma ?? options.k] : [];
  return `${model.type}, ${first === undefined ? type : `${type} ${first}`}`;
}

interface Parts {
  runtime: Runtime;
  model: Model;
  images: RunImages;
  /** Where it goes on. */
  place: Place | undefined;
}

class Run {
  readonly #page: PageWriter;
  /** Of boosted layers, after an epoch; they come when the engine has time. */
  readonly #looks: Promise<void>[] = [];
  #begun = false;

  constructor(
    private readonly task: RunTask,
    private readonly parts: Parts,
    private readonly record: RunRecord,
    private readonly progress: Progress,
  ) {
    this.#page = new PageWriter(task.folder.page, () => record.view());
  }

  /** Trains to the end, or until Ctrl-C has been answered with a checkpoint. */
  async fit(signal: AbortSignal): Promise<void> {
    const { progress, record } = this;
    const { config } = this.task;
    const { images, model, place, runtime } = this.parts;
    const boosted = nn.dutyCycles(await model.stateDict()).length > 0;
    const { train, validation, test } = images;
    const sizes = [
      `${train.length} images`,
      validation && `${validation.length} held out`,
      test && `${test.length} to test`,
    ];
    progress.note(`${train.name}: ${sizes.filter(Boolean).join(', ')}; kernels ${runtime.info.variant}`);
    if (place !== undefined) progress.note(`going on after step ${place.step}`);

    const stop = new AbortController();
    const run = model.fit(train, this.#fitOptions(stop.signal));
    const answer = async (): Promise<void> => {
      try {
        await run.checkpoint();
      } catch (error) {
        // A run that has just come to its end has none to write.
        if (!(error instanceof ConfigError)) progress.note(`no checkpoint: ${(error as Error).message}`);
      }
      stop.abort(signal.reason);
    };
    const onAbort = (): void => void answer();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();

    const means = new RunningMeans();
    const task = progress.task(`Training ${record.title}`);
    const begun = performance.now();
    try {
      for await (const event of run) {
        await this.#begin();
        if (event.type === 'batch') {
          const { epoch, step, steps, loss, accuracy } = event;
          const { secondsBefore } = record;
          const seconds = (performance.now() - begun) / 1000;
          record.add({ ...event, seconds: secondsBefore + seconds });
          means.add(loss, accuracy);
          const done = step - (place?.step ?? 0);
          const rate = (done * Math.min(config.batchSize, train.length)) / seconds;
          const left = done < 3 ? null : (seconds / done) * (steps - step);
          task.update(
            step / steps,
            `epoch ${epoch + 1}/${config.epochs} · ${means.text()} · ${rate.toFixed(0)} images/s`,
            left,
          );
          this.#page.soon();
          continue;
        }
        const gamma = config.gamma && annealed(config.gamma, event.epoch, config.epochs);
        record.add(gamma === undefined ? event : { ...event, gamma });
        progress.note(epochText(event, config.epochs));
        if (boosted) this.#looks.push(this.#look(event.epoch));
        void this.#page.now();
      }
      await this.#begin();
      await Promise.all(this.#looks);
      record.warn((await run).warnings ?? []);
    } catch (error) {
      throw this.#begun ? error : asUsage(error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const look of this.#looks) look.catch(() => {});
    }
  }

  #fitOptions(signal: AbortSignal): FitOptions {
    const { config, folder } = this.task;
    const { images, place } = this.parts;
    return {
      ...fitOptionsOf(config),
      validation: images.validation,
      checkpoint: { path: folder.checkpoint, ...config.checkpoint },
      resumeFrom: place && folder.checkpoint,
      signal,
    };
  }

  /** Nothing is written before the engine has taken the run, whose options only it can judge in full. */
  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    const { config, folder } = this.task;
    await folder.open(formatJson(config));
    this.record.begin(this.parts.place);
    void this.#page.now();
  }

  async #look(epoch: number): Promise<void> {
    const layers = nn.dutyCycles(await this.parts.model.stateDict());
    this.record.addDutyCycles(
      epoch,
      layers.map(({ layer, entropy, maxEntropy }) => ({ layer, entropy, maxEntropy })),
    );
  }

  /** What the training is worth: the weights, and how they do on the test images. */
  async finish(signal: AbortSignal): Promise<void> {
    const { progress, record } = this;
    const { config, folder } = this.task;
    const { images, runtime } = this.parts;
    const best = config.final === 'best' && existsSync(folder.bestCheckpoint);
    const model = best ? await runtime.load(folder.bestCheckpoint) : this.parts.model;
    let test: ReturnType<typeof accuracyOf> | undefined;
    if (images.test !== undefined) {
      const { length } = images.test;
      const task = progress.task('Test images');
      const accuracy = await model.accuracy(images.test, { signal, onProgress: (done) => task.update(done) });
      test = accuracyOf(Math.round(accuracy * length), length);
    }
    const out = config.out ?? join(folder.path, 'model.safetensors');
    const epochs = record.epochs.length;
    await model.save(out, { about: { ...config, trained: { epochs, ...record.lastFigures, test: test?.accuracy } } });
    record.end('done', { test, model: out }, undefined, test);
    await this.#page.now();
    progress.clear();
    this.#say(out, test);
  }

  #say(out: string, test: ReturnType<typeof accuracyOf> | undefined): void {
    const { record } = this;
    const { folder, json } = this.task;
    const lines = [...record.sentences];
    if (test !== undefined) {
      lines.push(
        `Test accuracy ${percent(test.accuracy)} (95 % interval ${percentRange(test.ci95)}, ${test.correct}/${test.total}).`,
      );
    }
    for (const warning of record.warnings) lines.push(`Warning: ${warning}`);
    if (this.#page.failure !== undefined) lines.push(`Warning: ${this.#page.failure}`);
    lines.push(`Model: ${out}`, `Run: ${folder.path} (curves in ${folder.page})`);
    // With --json, standard output has events alone.
    for (const line of lines) json ? this.progress.note(line) : console.log(line);
  }

  /** Tells why the run has ended before its end. */
  async failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { progress, record } = this;
    const { folder, resume } = this.task;
    if (!this.#begun) {
      if (!resume) folder.discard();
      return;
    }
    if (signal.aborted) {
      const goOn = `kwta train --run ${quoted(folder.path)} --resume`;
      progress.note(`interrupted after step ${record.lastStep}; to go on: ${goOn}`);
      record.end(
        'interrupted',
        { step: record.lastStep },
        `Interrupted after step ${record.lastStep}. To go on: ${goOn}`,
      );
    } else {
      const message = error instanceof Error ? error.message : String(error);
      record.end('failed', { message }, message);
    }
    await this.#page.now();
  }
}

function epochText(event: Parameters<RunRecord['add']>[0] & { type: 'epoch' }, epochs: number): string {
  const { epoch, loss, accuracy, validationAccuracy, imagesPerSecond, seconds } = event;
  const facts = [
    `loss ${loss.toFixed(3)}`,
    `accuracy ${percent(accuracy)}`,
    validationAccuracy !== undefined && `validation ${percent(validationAccuracy)}`,
    `${imagesPerSecond.toFixed(0)} images/s`,
    duration(seconds),
  ];
  return `epoch ${epoch + 1}/${epochs}: ${facts.filter((fact) => fact !== false).join(', ')}`;
}

/** What the run cannot be begun with, in terms of flags. */
function asUsage(error: unknown): unknown {
  if (error instanceof MemoryError) return new UsageError(`--batch-size: ${error.message}`);
  if (!(error instanceof ConfigError || error instanceof ShapeError)) return error;
  const { message } = error;
  if (message.startsWith('resumeFrom')) return new UsageError(`--resume: ${message}`);
  const [, path, problem] = message.match(/^fit\.([\w.]+): (.*)/s) ?? [];
  const setting = settings.find((setting) => setting.path === path);
  return new UsageError(setting === undefined ? message : `${nameOf(setting)}: ${problem}`);
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
