/** What may stand for a model's activations. */
import { variant } from '../../base/schema.js';
import { layerDescriptors } from '../../ops/index.js';

const { kwta, relu } = layerDescriptors;

/** Activations by type. */
export const activations = { kwta, relu };

export const activationSchema = variant(activations, 'nn.relu() or nn.kwta(...)');
