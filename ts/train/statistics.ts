/**
 * Batch norm's running statistics estimated anew, as the mean over batches of samples: PyTorch's `update_bn`. For weights that
 * they were not gathered with, or for another gamma.
 */
import type { Network } from '../graph/network.js';
import type { Supply } from './source.js';

/**
 * Yields after every batch, with the network as it was, and what must be waited for before one.
 *
 * @param samples all, in batches.
 * @param around runs the work of a batch, with other weights in the network if that is wished.
 * @returns puts the statistics into parameters that lie as the network's do.
 */
export function* estimatedStatistics(
  network: Network,
  samples: Supply,
  around: (work: () => void) => void = (work) => work(),
): Generator<Promise<void> | undefined, (values: Float32Array) => void, void> {
  const { parameters } = network;
  const momenta = network.statisticsMomenta();
  const ranges = parameters.ranges().filter(({ trainable, name }) => !trainable && (momenta.get(name) ?? 0) > 0);
  const sums = ranges.map(({ from, to }) => new Float64Array(to - from));
  let batches = 0;
  if (ranges.length > 0) {
    for (; batches < samples.count; batches++) {
      const waiting = samples.ready(batches);
      if (waiting !== undefined) yield waiting;
      const { x } = samples.at(batches);
      around(() => {
        const restore = parameters.rememberStatistics();
        try {
          const view = parameters.view();
          for (const { from, to } of ranges) view.fill(0, from, to);
          network.forward(x, { mode: 'train', updateRunning: true });
          const moved = parameters.view();
          // From zero they have moved by their momentum towards those of the batch.
          for (const [r, { from, name }] of ranges.entries()) {
            const momentum = Math.fround(momenta.get(name) as number);
            for (let i = 0; i < sums[r].length; i++) sums[r][i] += moved[from + i] / momentum;
          }
        } finally {
          restore();
        }
      });
      yield undefined;
    }
  }
  return (values) => {
    for (const [r, { from }] of ranges.entries())
      for (let i = 0; i < sums[r].length; i++) values[from + i] = sums[r][i] / batches;
  };
}
