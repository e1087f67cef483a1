/** A model that normalises its images first. */
import type { ModelSpec } from '../graph/containers.js';
import { normalize } from './layers.js';

/**
 * The same model with `nn.normalize` before it, so that images keep pixels from 0 to 1 and radii their meaning. Layers keep the
 * names that their positions gave them.
 *
 * @throws {ConfigError} when a deviation is not above zero.
 */
export function normalized(model: ModelSpec, values: { mean: readonly number[]; std: readonly number[] }): ModelSpec {
  const layers = model.layers.map((layer, i) => ({ ...layer, name: layer.name ?? String(i) }));
  const own = normalize({ name: 'normalize', mean: [...values.mean], std: [...values.std] });
  return { ...model, layers: [own, ...layers] };
}
