/** How many samples an analysis evaluates at once. */
import type { Network } from '../graph/network.js';

/** As many as keep a pass that holds all values within some tens of megabytes; at most 16. */
export function lanesFor({ graph }: Network): number {
  const values = graph.nodes.reduce((sum, { output: { c, h, w } }) => sum + c * h * w, 0);
  return Math.max(1, Math.min(16, Math.floor(2 ** 22 / values)));
}
