/** Gradients kept from growing: all of them together are brought to a largest length. */
import type { Parameters } from '../graph/parameters.js';

/** As `torch.nn.utils.clip_grad_norm_`: when the L2 norm over all parameters is more than `most`, they shrink to that. */
export function clipGradients(parameters: Parameters, most: number): void {
  const gradients = parameters.gradientViews();
  let squares = 0;
  for (const gradient of gradients) {
    let sum = 0;
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
    squares += sum;
  }
  const factor = most / (Math.sqrt(squares) + 1e-6);
  if (factor >= 1) return;
  for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) gradient[i] *= factor;
}
