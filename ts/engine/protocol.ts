/** What travels between a client and its engine: types only. */
import type { Jumps, SegmentRequest } from '../analysis/jumps.js';
import type { Landscape, LandscapeRequest } from '../analysis/landscape.js';
import type { LinearRegions, LinearRegionsRequest } from '../analysis/linearRegions.js';
import type { PatternChange, PatternChangeRequest } from '../analysis/patternChange.js';
import type { AttackRequest, EpsilonResult } from '../attacks/core/run.js';
import type { AttackSpec } from '../attacks/table.js';
import type { PlainError } from '../base/errors.js';
import type { Tensor } from '../base/tensor.js';
import type { DatasetFields } from '../data/dataset.js';
import type { ModelSpec } from '../graph/graph.js';
import type { Loss } from '../graph/losses.js';
import type { MemoryUse, NetworkOptions } from '../graph/network.js';
import type { Variant } from '../kernels/variant.js';
import type { CheckpointTimes } from '../train/checkpoint.js';
import type { FeedInfo } from '../train/feed.js';
import type { FitEvent } from '../train/fit.js';
import type { Preparation } from '../train/ring.js';
import type { FitSpec } from '../train/spec.js';
import type { TrainState } from '../train/state.js';
import type { FunctionalCall, FunctionalResult } from './functionalCalls.js';

/** First message to a new worker: what it is to be. */
export type Role =
  | { role: 'engine' }
  | ({ role: 'preparer' } & Preparation)
  | { role: 'team'; variant: Variant; module: WebAssembly.Module; memory: WebAssembly.Memory };

/** Error objects lose their class on the way: results travel in an envelope. */
export type Reply<T> = { ok: true; value: T } | { ok: false; error: PlainError };

/** Goes with the call of a long job: its number for its client, a port for its progress, and one for what it is fed with. */
export interface JobHandle {
  id: number;
  port: MessagePort;
  feed?: MessagePort;
}

/** Over the port of a job. */
export type JobMessage<Progress> = { progress: Progress } | { end: true };

/** What a model is to its client. */
export interface ModelInfo {
  /** No other model has it, in whatever runtime. */
  id: string;
  parameters: number;
  classes: number;
  input: [number, number, number];
}

/** All that a model is, now: its description with the gamma in use, and its parameters. */
export interface Snapshot {
  spec: ModelSpec;
  stateDict: Record<string, Tensor>;
}

/** Progress of a training run, with its state when a checkpoint is due. */
export interface FitProgress {
  event: FitEvent;
  newest?: TrainState;
  best?: TrainState;
}

/** The engine's methods, as its client calls them. */
export interface Engine {
  start(options: { variant: Variant; module: WebAssembly.Module; memory?: WebAssembly.Memory }): Promise<void>;
  /** @param crowded the process may use fewer processors. */
  startTeam(threads: number, crowded: boolean): void;
  createModel(spec: ModelSpec, seed: number, options: NetworkOptions): ModelInfo;
  disposeModel(model: string): Promise<void>;
  fit(
    model: string,
    /** A stream's samples come over the job's port for them. */
    train: DatasetFields | FeedInfo,
    validation: DatasetFields | undefined,
    spec: FitSpec,
    options: {
      /** When states are to be written. */
      checkpoint?: CheckpointTimes;
      /** Where an earlier run stood. */
      from?: TrainState;
      /** Where another worker puts batches. */
      ring?: SharedArrayBuffer;
      /** Takes no step before {@link Engine.resume}. */
      paused?: boolean;
    },
    job: JobHandle,
  ): Promise<FitEvent[]>;
  /** Where a training run stands that has not ended. */
  trainState(job: number): TrainState;
  /** Holds a training run after the step that it is in. */
  pause(job: number): void;
  /** Lets it take so many steps, or all. */
  resume(job: number, steps: number | undefined): void;
  /** Ends a job before its next step, if it has not ended. Calls that come later find it ending. */
  cancel(job: number): void;
  logits(model: string, x: Tensor): Tensor;
  accuracy(model: string, data: DatasetFields, job: JobHandle): Promise<{ correct: number; total: number }>;
  inputGradient(model: string, x: Tensor, labels: Int32Array, loss: Loss): { loss: Float32Array; gradient: Tensor };
  parameterGradients(model: string, x: Tensor, labels: Int32Array): { loss: number; gradients: Record<string, Tensor> };
  memory(model: string, batch: number): MemoryUse;
  activationPattern(model: string, x: Tensor): { layer: string; indices: Uint32Array[] }[];
  stateDict(model: string): Record<string, Tensor>;
  snapshot(model: string): Snapshot;
  loadStateDict(model: string, values: Record<string, Tensor>): Promise<void>;
  attack(model: string, attack: AttackSpec, request: AttackRequest, job: JobHandle): Promise<EpsilonResult[]>;
  jumps(model: string, request: SegmentRequest, job: JobHandle): Promise<Jumps>;
  linearRegions(model: string, request: LinearRegionsRequest, job: JobHandle): Promise<LinearRegions>;
  patternChange(model: string, request: PatternChangeRequest, job: JobHandle): Promise<PatternChange>;
  landscape(model: string, request: LandscapeRequest, job: JobHandle): Promise<Landscape>;
  functional(call: FunctionalCall): FunctionalResult;
}

/** The engine as seen through the worker's boundary. */
export type RemoteEngine = {
  [Name in keyof Engine]: (...args: Parameters<Engine[Name]>) => Promise<Reply<Awaited<ReturnType<Engine[Name]>>>>;
};
