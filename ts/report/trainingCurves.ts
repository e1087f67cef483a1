/** The curves of a training run: what its events tell, thinned to what a chart can show. */
import type { BatchEvent, EpochEvent } from '../train/fit.js';
import type { Chart } from './trainingCharts.js';

/** After each batch, with the seconds of training so far. */
export type LoggedBatch = BatchEvent & { seconds: number };

/** After each epoch, with what was true of the model then. */
export type LoggedEpoch = EpochEvent & {
  /** Where it changes. */
  gamma?: number;
  /** Of boosted layers, in bits. */
  dutyCycles?: { layer: string; entropy: number; maxEntropy: number }[];
};

/** How many points a curve over batches shows at most; more are averaged. */
const most = 400;

type Points = [x: number, value: number][];

interface Curve {
  name: string;
  points: Points;
  dots: boolean;
}

/** All charts that there is something to show in. @param batchSize images of a step. */
export function trainingCharts(
  batches: readonly LoggedBatch[],
  epochs: readonly LoggedEpoch[],
  total: number,
  batchSize: number,
): Chart[] {
  const groups = thinned(batches);
  const at = ({ step, steps }: BatchEvent): number => (total * step) / steps;
  const overBatches = (name: string, value: (batch: LoggedBatch) => number): Curve => ({
    name,
    points: groups.map((group) => [mean(group, at), mean(group, value)]),
    dots: groups.length === 1,
  });
  const overEpochs = (name: string, value: (epoch: LoggedEpoch) => number | undefined): Curve => ({
    name,
    points: epochs.flatMap((event) => {
      const known = value(event);
      return known === undefined ? [] : [[event.epoch + 1, known] as [number, number]];
    }),
    dots: true,
  });
  const boosted = [...new Set(epochs.flatMap(({ dutyCycles = [] }) => dutyCycles.map(({ layer }) => layer)))];
  const rates = ratesOf(batches, batchSize).map(([batch, rate]): [number, number] => [at(batch), rate]);
  const charts = [
    chart('Loss', false, [overBatches('on training batches', ({ loss }) => loss)]),
    chart('Accuracy', true, [
      overBatches('on training batches', ({ accuracy }) => accuracy),
      overEpochs('validation', ({ validationAccuracy }) => validationAccuracy),
      overEpochs("under the regime's own step", ({ attackedAccuracy }) => attackedAccuracy?.own),
      overEpochs('under PGD', ({ attackedAccuracy }) => attackedAccuracy?.pgd),
    ]),
    chart('Learning rate', false, [overBatches('learning rate', ({ lr }) => lr)]),
    chart('Gamma', false, [overEpochs('gamma', ({ gamma }) => gamma)]),
    chart('Images a second', false, [
      { name: 'in between', points: rates, dots: rates.length === 1 },
      overEpochs('in whole epochs', ({ imagesPerSecond }) => imagesPerSecond),
    ]),
    chart(
      'Entropy of duty cycles, as a share of the most there can be',
      true,
      boosted.map((name) =>
        overEpochs(name, ({ dutyCycles }) => {
          const own = dutyCycles?.find(({ layer }) => layer === name);
          return own && own.entropy / own.maxEntropy;
        }),
      ),
    ),
  ];
  return charts.filter(({ x }) => x.length > 0);
}

/** Images a second between moments that lie a second apart, or a hundredth of the run: events come in bunches. */
function ratesOf(batches: readonly LoggedBatch[], batchSize: number): [LoggedBatch, number][] {
  const apart = Math.max(1, (batches.at(-1)?.seconds ?? 0) / 100);
  const rates: [LoggedBatch, number][] = [];
  let [from] = batches;
  for (const batch of batches) {
    const seconds = batch.seconds - from.seconds;
    // Between two epochs there is other work.
    if (batch.epoch !== from.epoch) from = batch;
    if (seconds < apart || from === batch) continue;
    rates.push([batch, ((batch.step - from.step) * batchSize) / seconds]);
    from = batch;
  }
  return rates;
}

/** Curves that have points at different places, over all of these. */
function chart(title: string, share: boolean, curves: Curve[]): Chart {
  const known = curves.filter(({ points }) => points.length > 0);
  const x = [...new Set(known.flatMap(({ points }) => points.map(([at]) => rounded(at))))].sort((a, b) => a - b);
  return {
    title,
    share,
    x,
    curves: known.map(({ name, points, dots }) => {
      const values = new Map(points.map(([at, value]) => [rounded(at), rounded(value)]));
      return { name, values: x.map((at) => values.get(at) ?? null), dots };
    }),
  };
}

/** Neighbours together, so that at most {@link most} groups are left. */
function thinned(batches: readonly LoggedBatch[]): LoggedBatch[][] {
  const size = Math.ceil(batches.length / most);
  return Array.from({ length: size === 0 ? 0 : Math.ceil(batches.length / size) }, (_, i) =>
    batches.slice(i * size, (i + 1) * size),
  );
}

function mean(group: readonly LoggedBatch[], value: (batch: LoggedBatch) => number): number {
  return group.reduce((sum, batch) => sum + value(batch), 0) / group.length;
}

/** As many digits as anybody sees. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
