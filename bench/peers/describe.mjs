/** The network of a task, as the package describes it. */
import { models, nn } from '../../dist/index.js';

/**
 * @param {Record<string, any>} spec  of which this reads what it names
 */
export function describe({ network, activation: name, gamma, channels, height, width, base }) {
  const activation = name === 'relu' ? nn.relu() : nn.kwta({ gamma });
  /** @type {[number, number, number]} */
  const input = [channels, height, width];
  switch (network) {
    case 'resNet18':
      return models.resNet18({ activation, input, width: base });
    case 'resNet34':
      return models.resNet34({ activation, input, width: base });
    case 'wideResNet':
      return models.wideResNet({ activation, input, depth: 16, widen: 2, width: base });
    case 'denseNet121':
      return models.denseNet121({ activation, input, growth: base });
    case 'alexNet':
      return models.alexNet({ activation, input, width: base });
    default:
      return models.smallCnn({ activation, input, channels: [base, 2 * base, 4 * base] });
  }
}
