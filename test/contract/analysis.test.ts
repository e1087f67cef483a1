/** What analyses measure besides jumps: changes of patterns with distance, linear regions, the loss on planes. */
import { analysis, ConfigError, DataError, type Model, models, nn, ShapeError, type Tensor, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { caught, expectClose, expectError, noiseTensor, useRuntime } from './support.js';

const runtime = useRuntime({ threads: 1 });
const point = (...values: number[]): Tensor => tensor(values, [values.length, 1, 1]);

/** Units `slope * x + bias`, of which the layer `chooses`; the logits are the sums that `last` says. */
async function lineModel(
  chooses: ReturnType<typeof nn.relu | typeof nn.kwta>,
  lines: [number, number][],
): Promise<Model> {
  const layers = [nn.linear({ out: lines.length }), chooses, nn.linear({ out: 2 })];
  const model = await runtime().model(nn.sequential(layers, { input: [1, 1, 1] }));
  await model.loadStateDict({
    '0.weight': tensor(
      lines.map(([slope]) => slope),
      [lines.length, 1],
    ),
    '0.bias': tensor(
      lines.map(([, bias]) => bias),
      [lines.length],
    ),
    '2.weight': tensor([...lines.map(() => 1), ...lines.map(() => 0)], [2, lines.length]),
    '2.bias': tensor([0, 0], [2]),
  });
  return model;
}

describe('patternChange', () => {
  it('counts the winners that lost their place, and the units that closed', async () => {
    const lines: [number, number][] = [
      [-1, 1],
      [-2, 1],
      [1, 0],
      [1, -0.25],
    ];
    const direction = tensor([1, 1], [2, 1, 1, 1]);
    const x = tensor([0, 0.25], [2, 1, 1, 1]);
    // Winners by x: 0 and 1 (1, 1), at 0.25 units 0 and 1 (0.75, 0.5), at 0.5 units 0 and 2, from 0.75 on 2 and 3.
    const kwta = await lineModel(nn.kwta({ k: 2 }), lines);
    const change = await analysis.patternChange(kwta, { x, direction, radii: [0, 0.25, 0.5, 0.7] });
    expect(change).toMatchObject({ radii: [0, 0.25, 0.5, 0.7], samples: 2 });
    expect(change.layers).toEqual([{ layer: '1', kind: 'kwta', share: [0, 0.25, 0.75, 1] }]);
    for (const distances of [change.distances.l2, change.distances.linf]) {
      for (const [r, radius] of change.radii.entries()) expect(distances[r]).toBeCloseTo(radius, 6);
    }
    // Open by x: 0 and 1; all but 3 at 0.25, 0 and 2 (and 3) at 0.5.
    const relu = await lineModel(nn.relu(), lines);
    const closed = await analysis.patternChange(relu, { x: point(0), direction: point(1), radii: [0.25, 0.75, 1.25] });
    expect(closed.layers).toEqual([{ layer: '1', kind: 'relu', share: [0, 0.5, 1] }]);
  });

  it('agrees with the patterns of the model, and says how far noise goes', async () => {
    const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.1 }), input: [2, 12, 12], classes: 4 });
    const model = await runtime().model(spec, { seed: 5 });
    const x = noiseTensor(1, 3, 2, 12, 12);
    const direction = noiseTensor(2, 3, 2, 12, 12);
    const { layers } = await analysis.patternChange(model, { x, direction, radii: [0.5] });
    const moved = tensor(
      x.data.map((value, i) => value + 0.5 * direction.data[i]),
      x.shape,
    );
    const [before, after] = [await model.activationPattern(x), await model.activationPattern(moved)];
    expect(layers.map(({ layer }) => layer)).toEqual(before.map(({ layer }) => layer));
    for (const [l, { share }] of layers.entries()) {
      const lost = before[l].indices.map((winners, s) => {
        const kept = new Set(after[l].indices[s]);
        return winners.filter((unit) => !kept.has(unit)).length / winners.length;
      });
      expect(share[0]).toBeCloseTo(lost.reduce((a, b) => a + b) / 3, 10);
      expect(share[0]).toBeGreaterThan(0.1);
    }
    const noisy = await analysis.patternChange(model, { x, sigma: 0.01, seed: 4 });
    expect(noisy.radii).toHaveLength(11);
    for (const { share } of noisy.layers) {
      expect(share[0]).toBe(0);
      expect(share[10]).toBeGreaterThan(share[1]);
    }
    // 288 normal values are about sqrt(288) sigma long.
    expect(noisy.distances.l2[10] / (0.01 * Math.sqrt(288))).toBeCloseTo(1, 1);
    expect(await analysis.patternChange(model, { x, sigma: 0.01, seed: 4 })).toMatchObject({ layers: noisy.layers });
    expect(await analysis.patternChange(model, { x, sigma: 0.01, seed: 5 })).not.toMatchObject({
      layers: noisy.layers,
    });
  });

  it('refuses what it cannot do', async () => {
    const model = await lineModel(nn.relu(), [[1, 0]]);
    const x = point(0);
    await expectError(analysis.patternChange(model, { x }), ConfigError, 'either sigma or direction', 'neither');
    await expectError(analysis.patternChange(model, { x, sigma: 1, direction: x }), ConfigError, 'both');
    await expectError(analysis.patternChange(model, { x, sigma: -1 }), ConfigError, 'sigma', '-1');
    await expectError(analysis.patternChange(model, { x, sigma: 1, radii: [-1] }), ConfigError, 'radii[0]', '-1');
    await expectError(
      analysis.patternChange(model, { x, direction: point(1, 2) }),
      ShapeError,
      'patternChange.direction',
    );
    const spoilt = point(Number.NaN);
    await expectError(analysis.patternChange(model, { x: spoilt, sigma: 1 }), DataError, 'patternChange.x', 'NaN');
  });
});

describe('linearRegions', () => {
  it('counts the pieces of segments and measures them', async () => {
    const model = await lineModel(nn.relu(), [
      [1, -0.25],
      [1, -0.5],
      [1, -3],
    ]);
    const from = tensor([0, 0], [2, 1, 1, 1]);
    const to = tensor([1, 4], [2, 1, 1, 1]);
    const found = await analysis.linearRegions(model, { from, to });
    expect(found.segments.map(({ regions, jumps, kinks }) => ({ regions, jumps, kinks }))).toEqual([
      { regions: 3, jumps: 0, kinks: 2 },
      { regions: 4, jumps: 0, kinks: 3 },
    ]);
    for (const [i, expected] of [0.0625, 0.0625, 0.625, 0.25].entries()) {
      expect(found.segments[1].lengths[i]).toBeCloseTo(expected, 6);
    }
    // Lengths in distance: 0.25, 0.25, 0.5, and 0.25, 0.25, 2.5, 1.
    expect(found.lengths.median).toBeCloseTo(0.25, 5);
    expect(found.lengths.most).toBeCloseTo(2.5, 5);
    expect(found.lengths.mean).toBeCloseTo(5 / 7, 5);
    expect(found.density).toBeCloseTo((3 / 1 + 4 / 4) / 2, 5);
    expect(found.heights).toBeUndefined();
    const cut = await analysis.linearRegions(model, { from, to, maxEvents: 2 });
    expect(cut.segments[1]).toMatchObject({ complete: false, regions: 2 });
    expect(cut.segments[1].reached).toBeCloseTo(0.125, 6);
  });

  it('tells jumps from kinks', async () => {
    const model = await lineModel(nn.kwta({ k: 1 }), [
      [1, 0],
      [-1, 1],
    ]);
    const { segments, heights } = await analysis.linearRegions(model, { from: point(0), to: point(1) });
    expect(segments).toMatchObject([{ regions: 2, complete: true }]);
    // The largest value itself is continuous: what there is of a height is rounding.
    expect(heights?.most ?? 0).toBeLessThan(1e-6);
    await expectError(analysis.linearRegions(model, { from: point(1), to: point(1) }), ConfigError, 'the same');
    const two = tensor([1, 2], [2, 1, 1, 1]);
    await expectError(analysis.linearRegions(model, { from: point(1), to: two }), ShapeError, 'linearRegions.to');
  });
});

describe('landscape', () => {
  const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.1 }), input: [2, 12, 12], classes: 4 });
  const x = noiseTensor(1, 2, 12, 12);

  it('gives the losses of the points on the plane', async () => {
    const model = await runtime().model(spec, { seed: 5 });
    const [first, second] = [noiseTensor(2, 2, 12, 12), noiseTensor(3, 2, 12, 12)];
    for (const loss of ['crossEntropy', 'margin'] as const) {
      const options = { x, label: 2, directions: [first, second] as const, extent: 0.2, resolution: 5, loss };
      const plane = await analysis.landscape(model, options);
      expect(plane).toMatchObject({ loss, label: 2 });
      for (const [i, offset] of [-0.2, -0.1, 0, 0.1, 0.2].entries()) expect(plane.offsets[i]).toBeCloseTo(offset, 10);
      const largest = [first, second].map(({ data }) =>
        data.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
      );
      const points = [0, 1, 2, 3, 4].flatMap((j) =>
        [0, 1, 2, 3, 4].flatMap((i) =>
          Array.from(
            x.data,
            (value, p) =>
              value +
              (plane.offsets[i] * first.data[p]) / largest[0] +
              (plane.offsets[j] * second.data[p]) / largest[1],
          ),
        ),
      );
      const batch = tensor(points, [25, 2, 12, 12]);
      const labels = new Array<number>(25).fill(2);
      const expected = (await model.inputGradient(batch, labels, { loss })).loss;
      expectClose(tensor(plane.losses.flat(), [25]), tensor(expected, [25]), 1e-4, loss);
      expect(plane.classes.flat()).toEqual([...(await model.predict(batch))]);
    }
  });

  it('climbs along the gradient, and less so at random', async () => {
    const smooth = await runtime().model(models.smallCnn({ activation: nn.relu(), input: [2, 12, 12], classes: 4 }), {
      seed: 5,
    });
    const options = { x, label: 1, extent: 0.01, resolution: 3 };
    const { losses } = await analysis.landscape(smooth, options);
    const [[, down], [left, centre, right], [, up]] = losses;
    expect(right).toBeGreaterThan(centre);
    expect(left).toBeLessThan(centre);
    expect(Math.abs(up - down)).toBeLessThan((right - left) / 2);
    expect(await analysis.landscape(smooth, options)).toMatchObject({ losses });
    expect(await analysis.landscape(smooth, { ...options, seed: 1 })).not.toMatchObject({ losses });
  });

  it('refuses what it cannot do, and stops when it is told to', async () => {
    const model = await runtime().model(spec, { seed: 5 });
    await expectError(analysis.landscape(model, { x, label: 4 }), DataError, 'landscape.label', '4');
    await expectError(analysis.landscape(model, { x, label: 0, resolution: 1 }), ConfigError, 'resolution', '1');
    await expectError(
      analysis.landscape(model, { x: noiseTensor(1, 2, 2, 12, 12), label: 0 }),
      ShapeError,
      'landscape.x',
    );
    const zeros = tensor(new Float32Array(288), [2, 12, 12]);
    const still = { x, label: 0, directions: ['random', zeros] as const };
    await expectError(analysis.landscape(model, still), ConfigError, 'landscape.directions[1]', 'zeros');
    const dead = await lineModel(nn.relu(), [[1, -1]]);
    await expectError(analysis.landscape(dead, { x: point(0), label: 0 }), ConfigError, 'gradient');
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const failure = await caught(analysis.landscape(model, { x, label: 0, signal: controller.signal, onProgress }));
    expect(failure).toMatchObject({ name: 'AbortError' });
  });
});
