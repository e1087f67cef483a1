/** The same architecture with other activations. */

import { ConfigError } from '../base/errors.js';
import { choice, parse } from '../base/schema.js';
import { type ModelSpec, mapLayers, modelSchema } from '../graph/containers.js';
import { type Activation, activationSchema, activations } from './models/activation.js';

/**
 * Replaces every activation of one type, also inside containers; layers keep their names, so that the weights of one model
 * fit the other.
 *
 * @param spec of a model.
 * @param from the type of those to replace: `'relu'`, `'kwta'`, `'gelu'`, ...
 * @param to `nn.relu()`, `nn.kwta(...)`, ...
 * @returns the new description, and how many layers were replaced.
 * @throws {ConfigError} when there is none.
 */
export function replaceActivation(
  spec: ModelSpec,
  from: keyof typeof activations,
  to: Activation,
): { spec: ModelSpec; replaced: number } {
  const model = parse(modelSchema, spec, 'replaceActivation.spec');
  const types = Object.keys(activations) as (keyof typeof activations)[];
  const type = parse(choice(types), from, 'replaceActivation.from');
  const result = withActivation(model, type, parse(activationSchema, to, 'replaceActivation.to'));
  if (result.replaced > 0) return result;
  throw new ConfigError(`replaceActivation.from: expected a model with '${type}', got one without`);
}

/** The same for what has been checked; there may be none. */
export function withActivation(
  model: ModelSpec,
  type: string,
  { name: _, ...activation }: Activation,
): { spec: ModelSpec; replaced: number } {
  let replaced = 0;
  const spec = mapLayers(model, (layer) => {
    if (layer.type !== type) return layer;
    replaced++;
    return layer.name === undefined ? activation : { ...activation, name: layer.name };
  });
  return { spec, replaced };
}
