/** What a report asks of a model. */
import type { AttackProgress, EpsilonResult } from '../attacks/core/run.js';
import type { AttackSpec } from '../attacks/table.js';
import type { Tensor } from '../base/tensor.js';

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

/** What it gets at one epsilon: no images. */
export type ReportedAttack = Omit<EpsilonResult, 'raw' | 'clipped'>;

/** The method that reports call; models of any copy of the package have it. */
export const reportAttack = Symbol.for('kwta.reportAttack');

/** What is evaluated: a model of a runtime. */
export interface Evaluable {
  predict(x: Tensor): Promise<Int32Array>;
  [reportAttack](attack: AttackSpec, options: ReportedAttackOptions): Promise<ReportedAttack[]>;
}
