/**
 * Inside the engine worker: owns the wasm instance, the models and the workspace. Calls come one at a time;
 * long jobs let others in between their steps.
 */

import { runAttack } from '../attacks/core/run.js';
import { attackOf } from '../attacks/table.js';
import { ConfigError, MemoryError, ShapeError, toPlainError, WorkerLostError } from '../base/errors.js';
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
import { type FitEvent, fit } from '../train/fit.js';
import { fitSchema } from '../train/spec.js';
import { runFunctional } from './functionalCalls.js';
import { endJob, runJob } from './job.js';
import type { Engine, FitProgress, ModelInfo, RemoteEngine, Reply, Snapshot } from './protocol.js';

interface State {
  kernels: Kernels;
  workspace: Workspace;
}

/** The engine of this worker. */
export function createEngine(): Engine {
  const models = new Map<string, Network>();
  let state: State | undefined;
  let nextModel = 0;

  const started = (): State => {
    if (state === undefined) throw new ConfigError('the engine has not been started');
    return state;
  };
  const modelOf = (id: string): Network => {
    const network = models.get(id);
    if (network === undefined) throw new ConfigError(`model ${id}: used after dispose, or made by another runtime`);
    return network;
  };
  const checkedInput = (network: Network, x: Tensor): number => {
    const { input } = network.spec;
    if (x.shape.length !== 4 || input.some((extent, i) => x.shape[i + 1] !== extent)) {
      throw new ShapeError(`x: expected shape [n, ${input.join(', ')}], got ${shapeText(x.shape)}`);
    }
    if (x.shape[0] < 1) throw new ShapeError(`x: expected at least one sample, got shape ${shapeText(x.shape)}`);
    return x.shape[0];
  };
  const checkedData = (network: Network, argument: string, fields: DatasetFields): Dataset => {
    const { input } = network.spec;
    if (shapeText(fields.shape) !== shapeText(input)) {
      throw new ShapeError(`${argument}: expected images ${shapeText(input)}, got ${shapeText(fields.shape)}`);
    }
    const data = Dataset.fromPlain(fields);
    checkLabels(`${argument}.labels`, data.labels, network.classes);
    return data;
  };

  return {
    async start({ variant, module, memory, firstModel }) {
      nextModel = firstModel;
      const kernels = await loadKernels(variant, module, memory);
      state = { kernels, workspace: new Workspace(kernels) };
    },

    startTeam(threads) {
      started().kernels.exports.start_team(threads);
    },

    createModel(spec, seed, options): ModelInfo {
      const parsed = parse(modelSchema, spec, 'model');
      const network = new Network(parsed, seed, started().workspace, options);
      const id = String(nextModel++);
      models.set(id, network);
      return { id, parameters: network.parameters.count, classes: network.classes, input: parsed.input };
    },

    disposeModel(model) {
      modelOf(model).dispose();
      models.delete(model);
    },

    async fit(model, train, validation, spec, checkpointEvery, port) {
      const network = modelOf(model);
      const data = checkedData(network, 'train', train);
      const held = validation && checkedData(network, 'validation', validation);
      const epochs: FitEvent[] = [];
      await runJob(
        fit(network, started().kernels, data, held, parse(fitSchema, spec, 'fit')),
        port,
        (event): FitProgress => {
          if (event.type !== 'epoch') return { event };
          epochs.push(event);
          const due = checkpointEvery > 0 && (event.epoch + 1) % checkpointEvery === 0;
          return due ? { event, snapshot: snapshotOf(network) } : { event };
        },
      );
      return epochs;
    },

    logits(model, x) {
      const network = modelOf(model);
      const n = checkedInput(network, x);
      return { shape: [n, network.classes], data: network.logits(x.data) };
    },

    accuracy(model, fields, port) {
      const network = modelOf(model);
      const data = checkedData(network, 'data', fields);
      return runJob(accuracySteps(network, data), port, (done) => done);
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
      modelOf(model).parameters.write(values);
    },

    attack(model, attack, request, port) {
      const network = modelOf(model);
      const n = request.x.length / network.sampleSize;
      checkLabels('labels', request.labels, network.classes, n);
      if (request.targets !== undefined) checkLabels('targets', request.targets, network.classes, n);
      return runJob(runAttack(network, attackOf(attack), request, modelOf), port, (progress) => progress);
    },

    functional(call) {
      return runFunctional(started().workspace, call);
    },
  };
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
export function withReplies(engine: Engine, panicMessage: () => string | undefined): RemoteEngine {
  let broken: string | undefined;
  const guard = async (method: () => unknown, port?: MessagePort): Promise<Reply<unknown>> => {
    try {
      if (broken !== undefined) throw new WorkerLostError(`the engine failed before (${broken}); create a new runtime`);
      return { ok: true, value: await method() };
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) {
        const reason = panicMessage();
        broken = reason ?? error.message;
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
        const last = args.at(-1);
        return guard(() => method(...args), last instanceof MessagePort ? last : undefined);
      },
    ]),
  ) as unknown as RemoteEngine;
}
