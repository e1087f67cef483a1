/** What may stand for a model's activations. */
import { variant } from '../../base/schema.js';
import { layerDescriptors } from '../../ops/index.js';

const { kwta, relu } = layerDescriptors;

export const activationSchema = variant({ kwta, relu }, 'nn.relu() or nn.kwta(...)');
