/** Which model's adversarial examples fool which: made on each of some models, tried on all of them. */

import { checkRadius } from '../attacks/core/norms.js';
import * as attacks from '../attacks/index.js';
import { type AttackSpec, attackOf, normOf, sourcesOf } from '../attacks/table.js';
import { checkInteger, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import type { Accuracy } from './report.js';
import { accuracyOf } from './statistics.js';

/** What examples are made on and tried on: a model of any runtime. */
interface Attackable {
  predict(x: Tensor): Promise<Int32Array>;
  attack(
    attack: AttackSpec,
    options: {
      x: Tensor;
      labels: ArrayLike<number>;
      epsilons: number[];
      seed: number;
      signal?: AbortSignal;
      onProgress?: (progress: { done: number }) => unknown;
    },
  ): Promise<{ clipped: Tensor[]; warnings: string[][] }>;
}

/** Options of {@link transferMatrix}. */
export interface TransferMatrixOptions {
  /** How examples are made; 40 steps of PGD by default. */
  attack?: AttackSpec;
  /** Radius in pixel units, >= 0; in l0 a whole number of values. */
  epsilon: number;
  /** How many samples, from the start of the data; all by default. */
  samples?: number;
  /** Of the attack; 0 by default. */
  seed?: number;
  /** Stops the call, which then throws the reason of the signal. */
  signal?: AbortSignal;
  /** As in `model.attack`. */
  onProgress?: (progress: { source: string; done: number }) => unknown;
}

/** See {@link transferMatrix}; plain data. */
export interface TransferMatrix {
  /** Of the models, in their order. */
  names: string[];
  /** The radius. */
  epsilon: number;
  /** How examples were made. */
  attack: AttackSpec;
  /** Of the attack. */
  seed: number;
  /** Of each model on the samples as they are. */
  clean: Accuracy[];
  /** `matrix[source][target]`: of the target on the examples that were made on the source. */
  matrix: Accuracy[][];
  /** Of the attack, by source. */
  warnings: string[][];
}

const keys = ['attack', 'epsilon', 'samples', 'seed', 'signal', 'onProgress'];

/** See `transferMatrix` in index.ts. */
export async function transferMatrix(
  models: readonly { name: string; model: Attackable }[],
  data: Dataset,
  options: TransferMatrixOptions,
): Promise<TransferMatrix> {
  checkModels(models);
  checkDataset('data', data);
  checkKeys('transferMatrix', options, keys);
  const { epsilon, samples = data.length, seed = 0, signal, onProgress } = options;
  const attack = attackOf(options.attack ?? attacks.pgd(), 'transferMatrix.attack');
  if (sourcesOf(attack).length > 0) {
    throw new ConfigError(
      `transferMatrix.attack: expected an attack without a source of its own, for every model is one, got '${attack.type}'`,
    );
  }
  checkRadius('transferMatrix.epsilon', epsilon, normOf(attack));
  checkInteger('transferMatrix.samples', samples, { min: 1, max: data.length });
  checkInteger('transferMatrix.seed', seed, { min: 0 });

  const part = data.take(samples);
  const x = part.tensor();
  const labels = Array.from(part.labels);
  const right = async (model: Attackable, of: Tensor): Promise<Accuracy> => {
    signal?.throwIfAborted();
    const answers = await model.predict(of);
    return accuracyOf(
      labels.reduce((sum, label, i) => sum + Number(answers[i] === label), 0),
      samples,
    );
  };
  const clean: Accuracy[] = [];
  for (const { model } of models) clean.push(await right(model, x));
  const matrix: Accuracy[][] = [];
  const warnings: string[][] = [];
  for (const { name: source, model } of models) {
    const made = await model.attack(attack, {
      x,
      labels,
      epsilons: [epsilon],
      seed,
      signal,
      onProgress: onProgress && (({ done }) => onProgress({ source, done })),
    });
    const row: Accuracy[] = [];
    for (const target of models) row.push(await right(target.model, made.clipped[0]));
    matrix.push(row);
    warnings.push(made.warnings[0]);
  }
  return { names: models.map(({ name }) => name), epsilon, attack, seed, clean, matrix, warnings };
}

function checkModels(models: readonly { name: string; model: Attackable }[]): void {
  const isList = Array.isArray(models) && models.length > 0;
  if (!isList) throw new ConfigError(`models: expected a list of { name, model }, got ${describe(models)}`);
  const names = new Set<string>();
  for (const [i, entry] of models.entries()) {
    if (typeof entry?.name !== 'string' || entry.name === '') {
      throw new ConfigError(`models[${i}].name: expected a name, got ${describe(entry?.name)}`);
    }
    if (typeof entry.model?.attack !== 'function' || typeof entry.model.predict !== 'function') {
      throw new ConfigError(`models[${i}].model: expected a model of a runtime, got ${describe(entry.model)}`);
    }
    if (names.has(entry.name)) throw new ConfigError(`models: expected distinct names, got '${entry.name}' twice`);
    names.add(entry.name);
  }
}
