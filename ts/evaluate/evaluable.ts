/** What a report asks of a model. */
import type { AttackProgress, EpsilonResult } from '../attacks/core/run.js';
import type { AttackSpec } from '../attacks/table.js';
import type { Tensor } from '../base/tensor.js';
import type { ModelSpec } from '../graph/graph.js';
import type { Loss } from '../graph/losses.js';
import type { Variant } from '../kernels/variant.js';

/** How a report asks for an attack. */
export interface ReportedAttackOptions {
  x: Tensor;
  labels: ArrayLike<number>;
  epsilons: number[];
  /** Classes that the model gives to `x`: asked once for all attacks. */
  clean: Int32Array;
  seed?: number;
  maxQueries?: number;
  signal?: AbortSignal;
  onProgress?: (progress: AttackProgress) => unknown;
}

/** What it gets at one epsilon. */
export type ReportedAttack = Omit<EpsilonResult, 'raw' | 'warnings'>;

/** What a model is, and what it runs on. */
export interface ReportedModel {
  spec: ModelSpec;
  stateDict: Record<string, Tensor>;
  variant: Variant;
  threads: number;
}

/** The methods that reports call; models of any copy of the package have them. */
export const reportAttack = Symbol.for('kwta.reportAttack');
export const reportModel = Symbol.for('kwta.reportModel');

/** What is evaluated: a model of a runtime. */
export interface Evaluable {
  readonly id: string;
  readonly classes: number;
  readonly parameters: number;
  logits(x: Tensor): Promise<Tensor>;
  inputGradient(
    x: Tensor,
    labels: ArrayLike<number>,
    options: { loss: Loss },
  ): Promise<{ loss: Float32Array; gradient: Tensor }>;
  [reportAttack](attack: AttackSpec, options: ReportedAttackOptions): Promise<ReportedAttack[]>;
  /** @param id of another model of the same runtime. */
  [reportModel](id?: string): Promise<ReportedModel>;
}

/** A model and what to call it in a report. */
export interface NamedModel {
  /** Unique among the models that are compared. */
  name: string;
  /** A model of a runtime. */
  model: Evaluable;
}
