/**
 * Inside the engine worker: owns the wasm instance, the models and the workspace. Calls come one at a time;
 * long jobs let others in between their steps.
 */

import { runAttack } from '../attacks/core/run.js';
import { attackOf, sourcesOf } from '../attacks/table.js';
import { compact } from '../base/compact.js';
import { ConfigError, DataError, MemoryError, ShapeError, toPlainError, WorkerLostError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import { parse } from '../base/schema.js';
import { shapeText, type Tensor } from '../base/tensor.js';
import { Dataset, type DatasetFields } from '../data/dataset.js';
import { modelSchema } from '../graph/containers.js';
import { Network } from '../graph/network.js';
import { countCorrect } from '../graph/predictions.js';
import { Workspace } from '../graph/workspace.js';
import type { Kernels } from '../kernels/kernels.js';
import { loadKernels } from '../kernels/load.js';
import { type CheckpointTimes, isDue } from '../train/checkpoint.js';
import { Feed, type FeedInfo } from '../train/feed.js';
import { type FitEvent, Training } from '../train/fit.js';
import { Gate } from '../train/gate.js';
import { type FitSpec, fitSchema } from '../train/spec.js';
import { analysisCalls } from './analysisCalls.js';
import { runFunctional } from './functionalCalls.js';
import { endJob, type Jobs } from './jobs.js';
import type { Engine, FitProgress, JobHandle, ModelInfo, RemoteEngine, Reply, Snapshot } from './protocol.js';

interface State {
  kernels: Kernels;
  workspace: Workspace;
}

/** The engine of this worker; `jobs` are those that run in it. */
export function createEngine(jobs: Jobs): Engine {
  const models = new Map<string, Network>();
  const runs = new Map<number, { training: Training; gate: Gate }>();
  /** Begins the names of this engine's models, so that none is taken for one of another runtime. */
  const prefix = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  let state: State | undefined;
  let created = 0;

  const started = (): State => {
    if (state === undefined) throw new ConfigError('the engine has not been started');
    return state;
  };
  const runOf = (job: number, wish: string) => {
    const run = runs.get(job);
    if (run !== undefined) return run;
    throw new ConfigError(`${wish}: expected a run at work, got one that has ended or not begun`);
  };
  const modelOf = (id: string, argument = 'model'): Network => {
    const network = models.get(id);
    if (network !== undefined) return network;
    const reason = id.startsWith(prefix) ? 'used after dispose' : 'made by another runtime';
    throw new ConfigError(`${argument}: expected a model of this runtime, got one ${reason}`);
  };
  const checkedInput = (network: Network, x: Tensor): number => {
    const { input } = network.spec;
    if (x.shape.length !== 4 || input.some((extent, i) => x.shape[i + 1] !== extent)) {
      throw new ShapeError(`x: expected shape [n, ${input.join(', ')}], got ${shapeText(x.shape)}`);
    }
    if (x.shape[0] < 1) throw new ShapeError(`x: expected at least one sample, got shape ${shapeText(x.shape)}`);
    return x.shape[0];
  };
  const checkShape = (network: Network, argument: string, shape: readonly number[]): void => {
    const { input } = network.spec;
    if (shapeText(shape) !== shapeText(input)) {
      throw new ShapeError(`${argument}: expected images ${shapeText(input)}, got ${shapeText(shape)}`);
    }
  };
  const checkedData = (network: Network, argument: string, fields: DatasetFields): Dataset => {
    checkShape(network, argument, fields.shape);
    const data = Dataset.fromPlain(fields);
    checkLabels(`${argument}.labels`, data.labels, network.classes);
    return data;
  };

  const checkedFeed = (network: Network, info: FeedInfo, spec: FitSpec, port: MessagePort | undefined): Feed => {
    checkShape(network, 'train', info.shape);
    if (info.classes > network.classes) {
      throw new DataError(`train: expected at most ${network.classes} classes, as the model has, got ${info.classes}`);
    }
    if (port === undefined) throw new ConfigError('train: expected a port for the samples of a stream, got none');
    return new Feed(info, spec, port);
  };

  return {
    async start({ variant, module, memory }) {
      const kernels = await loadKernels(variant, module, memory);
      state = { kernels, workspace: new Workspace(kernels) };
    },

    startTeam(threads, crowded) {
      started().kernels.exports.start_team(threads, crowded);
    },

    createModel(spec, seed, options): ModelInfo {
      const parsed = parse(modelSchema, spec, 'model');
      const network = new Network(parsed, seed, started().workspace, options);
      const id = `${prefix}.${created++}`;
      models.set(id, network);
      return { id, parameters: network.parameters.count, classes: network.classes, input: parsed.input };
    },

    disposeModel(model) {
      return jobs.whenFree([model], 'dispose', () => {
        modelOf(model).dispose();
        models.delete(model);
      });
    },

    fit(model, train, validation, spec, { checkpoint, from, ring, paused }, job) {
      const network = modelOf(model);
      const held = validation && checkedData(network, 'validation', validation);
      const epochs: FitEvent[] = [];
      const parsed = parse(fitSchema, spec, 'fit');
      const data =
        'images' in train ? checkedData(network, 'train', train) : checkedFeed(network, train, parsed, job.feed);
      let run: Training | undefined;
      const start = function* () {
        const gate = new Gate();
        if (paused) gate.close();
        run = new Training(modelOf(model), started().kernels, data, held, parsed, from, ring, gate);
        runs.set(job.id, { training: run, gate });
        try {
          yield* run.run();
        } finally {
          runs.delete(job.id);
        }
        return epochs;
      };
      return jobs.run(job, { name: 'fit', models: [model], alone: true }, start, (event): FitProgress | undefined => {
        if (event === undefined) return undefined;
        if (event.type === 'epoch') epochs.push(event);
        return { event, ...(checkpoint && run && statesDue(checkpoint, run, event)) };
      });
    },

    trainState(job) {
      return runOf(job, 'state').training.state();
    },

    pause(job) {
      runOf(job, 'pause').gate.close();
    },

    resume(job, steps) {
      runOf(job, 'resume').gate.open(steps);
    },

    cancel(job) {
      jobs.cancel(job);
    },

    logits(model, x) {
      const network = modelOf(model);
      const n = checkedInput(network, x);
      return { shape: [n, network.classes], data: network.logits(x.data) };
    },

    accuracy(model, fields, job) {
      const network = modelOf(model);
      const data = checkedData(network, 'data', fields);
      const claim = { name: 'accuracy', models: [model], alone: false };
      return jobs.run(
        job,
        claim,
        () => accuracySteps(network, data),
        (done) => done,
      );
    },

    inputGradient(model, x, labels, loss) {
      const network = modelOf(model);
      const n = checkedInput(network, x);
      checkLabels('labels', labels, network.classes, n);
      const result = network.inputGradient(x.data, labels, loss);
      return { loss: result.losses, gradient: { shape: [...x.shape], data: result.gradient } };
    },

    parameterGradients(model, x, labels) {
      const network = modelOf(model);
      const n = checkedInput(network, x);
      checkLabels('labels', labels, network.classes, n);
      const { loss } = network.parameterGradients(x.data, labels, false);
      return { loss, gradients: network.parameters.read('gradient') };
    },

    memory(model, batch) {
      return modelOf(model).memory(batch);
    },

    activationPattern(model, x) {
      const network = modelOf(model);
      checkedInput(network, x);
      return network.activationPattern(x.data);
    },

    stateDict(model) {
      return modelOf(model).parameters.read('data');
    },

    snapshot(model) {
      return snapshotOf(modelOf(model));
    },

    loadStateDict(model, values) {
      return jobs.whenFree([model], 'loadStateDict', () => modelOf(model).parameters.write(values));
    },

    attack(model, attack, request, job) {
      const network = modelOf(model);
      const n = request.x.length / network.sampleSize;
      checkLabels('labels', request.labels, network.classes, n);
      if (request.targets !== undefined) checkLabels('targets', request.targets, network.classes, n);
      const spec = attackOf(attack);
      const sources = sourcesOf(spec);
      for (const source of sources) modelOf(source, 'transfer.source');
      const claim = { name: 'attack', models: [model, ...sources], alone: false };
      return jobs.run(
        job,
        claim,
        () => runAttack(network, spec, request, modelOf),
        (progress) => progress,
      );
    },

    ...analysisCalls(modelOf, jobs),

    functional(call) {
      return runFunctional(started().workspace, call);
    },
  };
}

/** The state of a run, if it is to be written after `event`. */
function statesDue(times: CheckpointTimes, run: Training, event: FitEvent): Pick<FitProgress, 'newest' | 'best'> {
  const best = times.best && event.type === 'epoch' && run.isBest;
  const newest = isDue(times, event);
  if (!newest && !best) return {};
  const state = run.state();
  return { newest: newest ? state : undefined, best: best ? state : undefined };
}

function snapshotOf({ spec, parameters }: Network): Snapshot {
  return { spec, stateDict: parameters.read('data') };
}

function* accuracySteps(network: Network, data: Dataset): Generator<number, { correct: number; total: number }, void> {
  let correct = 0;
  let done = 0;
  for (const { x, labels } of data.batches(256)) {
    correct += countCorrect(network.logits(x.data), labels, network.classes);
    done += labels.length;
    yield done / data.length;
  }
  return { correct, total: data.length };
}

/** The engine with every result in an envelope. After a trap in wasm nothing there can be trusted, and it says so. */
export function withReplies(engine: Engine, jobs: Jobs, panicMessage: () => string | undefined): RemoteEngine {
  let broken: WorkerLostError | undefined;
  const guard = async (method: () => unknown, port?: MessagePort): Promise<Reply<unknown>> => {
    try {
      if (broken !== undefined) throw broken;
      return { ok: true, value: compact(await method()) };
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) {
        const reason = panicMessage();
        broken = new WorkerLostError(`the engine failed before (${reason ?? error.message}); create a new runtime`);
        jobs.fail(broken);
        // An allocation that fails inside a kernel traps without a message.
        const failure =
          reason === undefined || reason.includes('memory allocation')
            ? new MemoryError(`a kernel ran out of WebAssembly memory (${error.message}); create a new runtime`)
            : new WorkerLostError(`a kernel failed: ${reason}; create a new runtime`);
        return { ok: false, error: toPlainError(failure) };
      }
      return { ok: false, error: toPlainError(error) };
    } finally {
      if (port !== undefined) endJob(port);
    }
  };
  return Object.fromEntries(
    Object.entries(engine).map(([name, method]: [string, (...args: unknown[]) => unknown]) => [
      name,
      (...args: unknown[]) => {
        const port = (args.at(-1) as Partial<JobHandle> | undefined)?.port;
        return guard(() => method(...args), port instanceof MessagePort ? port : undefined);
      },
    ]),
  ) as unknown as RemoteEngine;
}
