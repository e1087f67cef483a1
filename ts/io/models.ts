/** A model out of any file: its own description, or one that is given for the weights. */
import { DataError } from '../base/errors.js';
import type { Tensor } from '../base/tensor.js';
import type { ModelSpec } from '../graph/containers.js';
import { type Recognised, recognise } from '../nn/models/recognise.js';
import { describesModel, modelOf } from './checkpoint.js';
import { matchWeights, type Unwrapped, unwrap } from './matching.js';
import { readWeights } from './weights.js';

/** What a model is made of. */
export interface ReadModel {
  spec: ModelSpec;
  stateDict: Record<string, Tensor>;
  notes: string[];
}

/**
 * Reads a model.
 *
 * @param what needs it, as a call or an option is called.
 * @param given the description of weights that have none of their own.
 * @throws {DataError}, {ShapeError} naming the file.
 */
export async function readModel(what: string, path: string | URL, given?: ModelSpec): Promise<ReadModel> {
  const { tensors: all, metadata, notes } = await readWeights(what, path);
  const name = String(path);
  const own = describesModel(metadata) ? modelOf(name, { tensors: all, metadata }) : undefined;
  if (given !== undefined) {
    const matched = matchWeights(name, own?.stateDict ?? all, given);
    return { spec: given, stateDict: matched.stateDict, notes: [...notes, ...matched.notes] };
  }
  if (own !== undefined) return { spec: own.spec, stateDict: own.stateDict, notes };
  throw new DataError(
    `${name}: expected a model's description ('kwta.model') in the metadata, found weights alone; ${describeWeights(all)}`,
  );
}

/** Which model weights seem to be of, and how to give its description. */
function describeWeights(tensors: Record<string, Tensor>): string {
  const { model } = identify(tensors);
  const how = 'runtime.load(path, { spec }) takes them';
  return model === undefined
    ? `${how}, with the description of their model`
    : `they look like those of ${model.text}: ${how}`;
}

/** What weights seem to be. */
export interface Identified extends Unwrapped {
  model?: Recognised;
}

/** The ready-made model that these weights are of, whatever wrappers did to their names. */
export function identify(tensors: Record<string, Tensor>): Identified {
  const shapesOf = (own: Record<string, Tensor>): Map<string, readonly number[]> =>
    new Map(Object.entries(own).map(([name, { shape }]) => [name, shape]));
  for (const wanted of wantedNames) {
    const found = unwrap(tensors, wanted);
    const model = recognise(shapesOf(found.tensors));
    if (model !== undefined) return { ...found, model };
  }
  return unwrap(tensors, new Set());
}

/** A few names of each family, by which {@link unwrap} tells what was put before them. */
const wantedNames = [
  new Set(['conv1.weight', 'fc.weight', 'layer1.0.conv1.weight', 'layer2.0.downsample.0.weight']),
  new Set(['conv1.weight', 'fc.weight', 'block1.layer.0.conv1.weight']),
  new Set([
    'features.0.weight',
    'features.3.weight',
    'features.conv0.weight',
    'classifier.weight',
    'classifier.6.weight',
  ]),
  new Set(['0.weight', '3.weight', '6.weight', '10.weight']),
];
