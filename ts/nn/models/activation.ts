/** What may stand for a model's activations, and how its options say so: one for all, or a choice for each layer. */
import { type Output, object, parse, type Schema, variant } from '../../base/schema.js';
import type { EluSpec, GeluSpec, KwtaSpec, LeakyReluSpec, ReluSpec, SiluSpec } from '../../ops/index.js';
import { layerDescriptors } from '../../ops/index.js';

const { elu, gelu, kwta, leakyRelu, relu, silu } = layerDescriptors;

/** Activations by type. */
export const activations = { elu, gelu, kwta, leakyRelu, relu, silu };

export const activationSchema = variant(activations, 'nn.relu(), nn.kwta(...) or another activation');

/** Any activation. */
export type Activation = KwtaSpec | ReluSpec | LeakyReluSpec | GeluSpec | SiluSpec | EluSpec;

/** Where an activation stands in a model. */
export interface ActivationPlace {
  /** Of the layer, as `activationPattern` names it: `layer2.0.act1`. */
  name: string;
  /** Its number among those that are asked for, from 0, in the order of computation. */
  index: number;
}

/** The activation of a model: one for all of its layers, or one for each. */
export type ActivationChoice = Activation | ((place: ActivationPlace) => Activation);

/** Stands in for a function, which no schema describes, while the other options are checked. */
const standIn = { type: 'relu' };

/**
 * The options of a model, checked, and its activation at each place.
 *
 * @throws {ConfigError} naming all problems, or the place at which the function gave no activation.
 */
export function parseOptions<S extends Schema<unknown, { activation: Activation }>>(
  schema: S,
  options: { activation: ActivationChoice },
  model: string,
): { options: Output<S>; activationAt(name: string): Activation } {
  const choice: unknown = typeof options === 'object' && options !== null ? options.activation : undefined;
  if (typeof choice !== 'function') {
    const parsed = parse(schema, options, model);
    return { options: parsed, activationAt: (name) => ({ ...parsed.activation, name }) };
  }
  let index = 0;
  return {
    options: parse(schema, { ...options, activation: standIn }, model),
    activationAt(name) {
      const chosen = { activation: choice({ name, index: index++ }) as unknown };
      const { activation } = parse(object({ activation: activationSchema }), chosen, `${model}('${name}')`);
      return { ...activation, name };
    },
  };
}
