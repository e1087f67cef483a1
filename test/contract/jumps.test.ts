/** Discontinuities and kinks along a segment: by hand in one dimension, and of real networks against other means. */
import {
  analysis,
  ConfigError,
  DivergedError,
  type Model,
  type ModelSpec,
  type ModuleSpec,
  models,
  nn,
  ShapeError,
  type Tensor,
  tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { exact, run } from '../reference/network.js';
import { randomState } from '../reference/randomNetworks.js';
import { caught, describeVariants, expectError, noiseTensor, useRuntime } from './support.js';

const point = (...values: number[]): Tensor => tensor(values, [values.length, 1, 1]);

/** `[out, 1]` weights of a layer on one value, or `[out, in]` of one on several. */
const matrix = (rows: number[][]): Tensor => tensor(rows.flat(), [rows.length, rows[0].length]);
const vector = (...values: number[]): Tensor => tensor(values, [values.length]);

describeVariants('jumps of networks that are known by hand', (runtime) => {
  /** `weight x + bias`, a layer that chooses, and sums of what it lets through. */
  const network = async (chooses: ModuleSpec, weight: number[][], bias: number[], last: number[][]): Promise<Model> => {
    const layers = [nn.linear({ out: bias.length }), chooses, nn.linear({ out: last.length })];
    const model = await runtime().model(nn.sequential(layers, { input: [weight[0].length, 1, 1] }));
    await model.loadStateDict({
      '0.weight': matrix(weight),
      '0.bias': vector(...bias),
      '2.weight': matrix(last),
      '2.bias': vector(...last.map(() => 0.5)),
    });
    return model;
  };

  it('finds where two units change places, and how far the logits jump', async () => {
    // x and 1 - x meet at 0.5, where one takes the place of the other: logits 3 (1 - x) become x - 2.
    const model = await network(nn.kwta({ k: 1 }), [[1], [-1]], [0, 1], [[1, 3]]);
    const found = await analysis.jumps(model, { from: point(0.25), to: point(1) });
    expect(found).toMatchObject({ complete: true, reached: 1, length: 0.75 });
    expect(found.events).toHaveLength(1);
    const [event] = found.events;
    expect(event).toMatchObject({ layer: '1', kind: 'kwta', in: [0], out: [1], changed: [] });
    expect(event.t).toBeCloseTo(1 / 3, 6);
    // 1 * 0.5 instead of 3 * 0.5.
    expect(event.jump[0]).toBeCloseTo(-1, 5);
    expect(event.height).toBeCloseTo(1, 5);
  });

  it('finds every change of the winners among many units', async () => {
    // The largest of lines through (i / 4, 0) with slopes -2 ... 2: tangents of a parabola, each on top in turn.
    const slopes = [-2, -1, 0, 1, 2];
    const lines = slopes.map((slope) => [slope]);
    const model = await network(
      nn.kwta({ k: 1 }),
      lines,
      slopes.map((slope) => (-slope * slope) / 4),
      [[1, 1, 1, 1, 1]],
    );
    const { events } = await analysis.jumps(model, { from: point(-1), to: point(1) });
    // Tangents with slopes m and m + 1 meet at (2 m + 1) / 4.
    const places = [-1.5, -0.5, 0.5, 1.5].map((slope) => (slope / 2 + 1) / 2);
    expect(events.map(({ in: [unit] }) => unit)).toEqual([1, 2, 3, 4]);
    for (const [i, { t, height }] of events.entries()) {
      expect(t).toBeCloseTo(places[i], 6);
      // The largest value is continuous, so that k-WTA with one winner is here.
      expect(height).toBeLessThan(1e-6);
    }
  });

  it('finds the kinks of ReLU, and says that they are none of the logits', async () => {
    const model = await network(nn.relu(), [[1], [-2], [0]], [-0.25, 1, 1], [[1, 1, 1]]);
    const { events } = await analysis.jumps(model, { from: point(0), to: point(1) });
    expect(events.map(({ kind, in: on, out: off, jump }) => ({ kind, on, off, jump }))).toEqual([
      { kind: 'relu', on: [0], off: [], jump: [0] },
      { kind: 'relu', on: [], off: [1], jump: [0] },
    ]);
    expect(events[0].t).toBeCloseTo(0.25, 6);
    expect(events[1].t).toBeCloseTo(0.5, 6);
  });

  it('finds where windows take another maximum', async () => {
    const layers = [nn.maxPool2d({ kernel: 2 }), nn.flatten(), nn.linear({ out: 2 })];
    const model = await runtime().model(nn.sequential(layers, { input: [1, 2, 2] }));
    const from = tensor([0.5, 0, 0, 0], [1, 2, 2]);
    const to = tensor([0.5, 0, 0.25, 1], [1, 1, 2, 2]);
    const { events } = await analysis.jumps(model, { from, to });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ layer: '0', kind: 'maxPool', in: [3], out: [0], jump: [0, 0], height: 0 });
    expect(events[0].t).toBeCloseTo(0.5, 6);
  });

  it('says what follows in the layers behind', async () => {
    // Units 0 and 1 change places at 0.5; the second layer sees (x, 0) until then, and (0, 1 - x) afterwards.
    const layers = [
      nn.linear({ out: 2 }),
      nn.kwta({ k: 1 }),
      nn.linear({ out: 3 }),
      nn.kwta({ k: 1 }),
      nn.linear({ out: 2 }),
    ];
    const model = await runtime().model(nn.sequential(layers, { input: [1, 1, 1] }));
    await model.loadStateDict({
      '0.weight': matrix([[-1], [1]]),
      '0.bias': vector(1, 0),
      '2.weight': matrix([
        [4, 0],
        [0, 4],
        [1, 1],
      ]),
      '2.bias': vector(0, 0, 0),
      '4.weight': matrix([
        [1, 0, 0],
        [0, 2, 0],
      ]),
      '4.bias': vector(0, 0),
    });
    const { events } = await analysis.jumps(model, { from: point(0), to: point(1) });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ layer: '1', in: [1], out: [0], changed: [{ layer: '3', in: 1, out: 1 }] });
    for (const [j, expected] of [-2, 4].entries()) expect(events[0].jump[j]).toBeCloseTo(expected, 5);
  });

  it('breaks ties as the layer does', async () => {
    // Two units stay at 1, a third rises through them at 0.5.
    const lines = [[0], [0], [2]];
    const change = async (options: Parameters<typeof nn.kwta>[0]) => {
      const model = await network(nn.kwta(options), lines, [1, 1, 0], [[1, 2, 4]]);
      const { events } = await analysis.jumps(model, { from: point(0), to: point(1) });
      for (const { t } of events) expect(t).toBeCloseTo(0.5, 6);
      return events.map(({ in: on, out: off }) => ({ on, off }));
    };
    // The lowest index wins, so the last of the equal winners leaves.
    expect(await change({ k: 1 })).toEqual([{ on: [2], off: [0] }]);
    expect(await change({ k: 2 })).toEqual([{ on: [2], off: [1] }]);
    // Where all equal ones are kept, they go together, or stay together.
    expect(await change({ k: 1, ties: 'keep' })).toEqual([{ on: [2], off: [0, 1] }]);
    expect(await change({ k: 2, ties: 'keep' })).toEqual([{ on: [2], off: [] }]);
    expect(await change({ k: 3, ties: 'keep' })).toEqual([]);
  });

  it('finds nothing where nothing changes: equal units, equal ends, no choice', async () => {
    const twins = await network(nn.kwta({ k: 1 }), [[1], [1]], [0.25, 0.25], [[1, 3]]);
    expect((await analysis.jumps(twins, { from: point(0), to: point(1) })).events).toEqual([]);
    const crossing = await network(nn.kwta({ k: 1 }), [[1], [-1]], [0, 1], [[1, 3]]);
    const still = await analysis.jumps(crossing, { from: point(0.25), to: point(0.25) });
    expect(still).toMatchObject({ events: [], complete: true, length: 0 });
    const affine = await runtime().model(nn.sequential([nn.linear({ out: 2 })], { input: [1, 1, 1] }));
    expect((await analysis.jumps(affine, { from: point(0), to: point(1) })).events).toEqual([]);
  });

  it('stops after as many as were asked for', async () => {
    const model = await network(nn.relu(), [[1], [1], [1]], [-0.25, -0.5, -0.75], [[1, 1, 1]]);
    const found = await analysis.jumps(model, { from: point(0), to: point(1), maxEvents: 2 });
    expect(found).toMatchObject({ complete: false });
    expect(found.events.map(({ t }) => Math.round(100 * t))).toEqual([25, 50]);
    expect(found.reached).toBe(found.events[1].t);
    const all = await analysis.jumps(model, { from: point(0), to: point(1), maxEvents: 3 });
    expect(all).toMatchObject({ complete: true, reached: 1 });
  });
});

describe('jumps', () => {
  const runtime = useRuntime({ threads: 1 });
  const ends = (size: [number, number, number]) => ({
    from: noiseTensor(1, ...size),
    to: noiseTensor(2, ...size),
  });
  const modelOf = async (spec: ModelSpec): Promise<Model> => {
    const model = await runtime().model(spec, { seed: 3 });
    await model.loadStateDict(randomState(await model.stateDict(), 3));
    return model;
  };
  const block = (activation: ModuleSpec): ModuleSpec =>
    nn.residual({
      main: [
        nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
        nn.batchNorm2d(),
        activation,
        nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
      ],
    });
  const networks: [string, ModelSpec][] = [
    [
      'k-WTA',
      models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), channels: [4, 6, 8], input: [2, 10, 10], classes: 4 }),
    ],
    ['ReLU', models.smallCnn({ activation: nn.relu(), channels: [4, 6, 8], input: [2, 10, 10], classes: 4 })],
    [
      'k-WTA, ReLU, maxima, means and a residual block',
      nn.sequential(
        [
          nn.normalize({ mean: [0.1, 0.2], std: [0.5, 0.25] }),
          nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
          nn.relu(),
          nn.maxPool2d({ kernel: 3, stride: 2, padding: 1 }),
          block(nn.kwta({ gamma: 0.3 })),
          nn.kwta({ gamma: 0.3 }),
          block(nn.relu()),
          nn.avgPool2d({ kernel: 2 }),
          nn.dropout({ p: 0.5 }),
          nn.flatten(),
          nn.linear({ out: 12 }),
          nn.kwta({ k: 5, ties: 'keep' }),
          nn.linear({ out: 3 }),
        ],
        { input: [2, 10, 10] },
      ),
    ],
    [
      'winners by channel and pixel, boosted, in branches side by side, and leaky ReLU',
      nn.sequential(
        [
          nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
          nn.concat([
            [nn.kwta({ gamma: 0.2, scope: 'channel' })],
            [nn.conv2d({ out: 4, kernel: 3, padding: 1 }), nn.kwta({ k: 2, scope: 'pixel', ties: 'keep' })],
          ]),
          nn.concat([
            [nn.conv2d({ out: 5, kernel: 3, stride: 2 })],
            [nn.avgPool2d({ kernel: 2 }), nn.conv2d({ out: 3, kernel: 2 })],
          ]),
          nn.leakyRelu({ slope: 0.2 }),
          nn.conv2d({ out: 6, kernel: 3 }),
          nn.kwta({ gamma: 0.3, boost: { strength: 1.5, inferenceFactor: 1.5 } }),
          nn.flatten(),
          nn.linear({ out: 3 }),
        ],
        { input: [2, 10, 10] },
      ),
    ],
  ];

  /** Far from a change as float32 tells it. */
  const margin = 2e-5;

  it.each(networks)('%s: the same pieces as in double precision', { timeout: 300_000 }, async (_, spec) => {
    const model = await modelOf(spec);
    const state = await model.stateDict();
    const { from, to } = ends(spec.input);
    const { events, complete } = await analysis.jumps(model, { from, to });
    expect(complete).toBe(true);
    expect(events.length).toBeGreaterThan(50);
    // All choices of a network that adds in double precision, as one text.
    const decisions = (t: number): string => {
      const x = { shape: [1, ...spec.input], data: from.data.map((value, i) => value + t * (to.data[i] - value)) };
      return run(spec, state, x, {
        mode: 'eval',
        rounding: exact,
        kept: (_, x) => x.data.map(() => 1),
      }).decisions.join();
    };
    // Pieces are convex: what is the same near both ends of one is the same throughout.
    const bounds = [0, ...events.map(({ t }) => t), 1];
    let before: string | undefined;
    let checked = 0;
    for (const [i, start] of bounds.slice(0, -1).entries()) {
      const end = bounds[i + 1];
      expect(end).toBeGreaterThanOrEqual(start);
      if (end - start < 3 * margin) {
        before = undefined;
        continue;
      }
      const first = decisions(start + margin);
      expect(decisions(end - margin), `between the changes at ${start} and ${end}`).toBe(first);
      expect(first, `behind the change at ${start}`).not.toBe(before);
      before = first;
      checked += end - start;
    }
    expect(checked).toBeGreaterThan(0.9);
  });

  it.each(networks)('%s: logits jump as far as was said', async (_, spec) => {
    const model = await modelOf(spec);
    const { from, to } = ends(spec.input);
    const { events } = await analysis.jumps(model, { from, to });
    const alone = events.filter(
      ({ t }, i) => t - (events[i - 1]?.t ?? 0) > 2 * margin && (events[i + 1]?.t ?? 1) - t > 2 * margin,
    );
    expect(alone.length).toBeGreaterThan(events.length / 2);
    const sides = [-margin, margin].map((step) => {
      const points = alone.map(({ t }) => from.data.map((value, i) => value + (t + step) * (to.data[i] - value)));
      return tensor(
        points.flatMap((x) => [...x]),
        [alone.length, ...spec.input],
      );
    });
    const [before, after] = [await model.logits(sides[0]), await model.logits(sides[1])];
    let heights = 0;
    for (const [e, { jump, kind, height }] of alone.entries()) {
      if (kind === 'kwta') heights = Math.max(heights, height);
      for (const [j, expected] of jump.entries()) {
        const found = after.data[e * jump.length + j] - before.data[e * jump.length + j];
        // Within the margins the logits move, too, and are rounded.
        expect(Math.abs(found - expected)).toBeLessThan(2e-3);
      }
    }
    if (spec !== networks[1][1]) expect(heights).toBeGreaterThan(0.05);
  });

  it('agrees with the winners at a thousand points', async () => {
    const [, spec] = networks[0];
    const model = await modelOf(spec);
    const { from, to } = ends(spec.input);
    const { events } = await analysis.jumps(model, { from, to });
    const steps = 1000;
    const size = from.data.length;
    const data = new Float32Array((steps + 1) * size);
    for (let s = 0; s <= steps; s++) {
      for (let i = 0; i < size; i++) data[s * size + i] = from.data[i] + (s / steps) * (to.data[i] - from.data[i]);
    }
    const layers = await model.activationPattern(tensor(data, [steps + 1, ...spec.input]));
    const name = layers[0].layer;
    const sorted = (set: Set<number>): number[] => [...set].sort((a, b) => a - b);
    const winners = new Set(layers[0].indices[0]);
    let next = 0;
    for (let s = 1; s <= steps; s++) {
      const before = next;
      while (next < events.length && events[next].t <= s / steps) {
        const { layer, in: on, out: off } = events[next++];
        if (layer !== name) continue;
        for (const unit of off) expect(winners.delete(unit)).toBe(true);
        for (const unit of on) winners.add(unit);
      }
      // Told from the events, the first layer's winners are those that the network has.
      expect(sorted(winners)).toEqual([...layers[0].indices[s]]);
      const changes = layers.some(({ indices }) => indices[s].join() !== indices[s - 1].join());
      expect(changes, `between ${s - 1} and ${s} of ${steps}`).toBe(next > before);
    }
    expect(next).toBe(events.length);
  });

  it('finds the same with a surrogate gradient, whatever the threads, and on the way back', async () => {
    const [, spec] = networks[0];
    const { from, to } = ends(spec.input);
    const plain = await modelOf(spec);
    const { events } = await analysis.jumps(plain, { from, to });
    const softened = await modelOf(
      models.smallCnn({
        activation: nn.kwta({ gamma: 0.2, backward: 'softmask' }),
        channels: [4, 6, 8],
        input: [2, 10, 10],
        classes: 4,
      }),
    );
    const back = await analysis.jumps(plain, { from: to, to: from });
    const others = [(await analysis.jumps(softened, { from, to })).events, back.events.toReversed()];
    for (const other of others) expect(other.length).toBe(events.length);
    for (const [i, { t }] of events.entries()) {
      expect(Math.abs(others[0][i].t - t)).toBeLessThan(margin);
      expect(Math.abs(1 - others[1][i].t - t)).toBeLessThan(margin);
    }
  });

  it('refuses what it cannot do, at the call', async () => {
    const [, spec] = networks[0];
    const model = await modelOf(spec);
    const { from, to } = ends(spec.input);
    await expectError(
      analysis.jumps(model, { from, to: noiseTensor(1, 2, 10, 9) }),
      ShapeError,
      'jumps.to',
      '[2, 10, 9]',
    );
    await expectError(analysis.jumps(model, { from, to, maxEvents: 0 }), ConfigError, 'maxEvents', '0');
    await expectError(analysis.jumps({} as Model, { from, to }), ConfigError, 'model');
    const options = { from, to, most: 3 };
    await expectError(analysis.jumps(model, options), ConfigError, "'most'");
    const layers = [nn.dropout({ p: 0.5, always: true }), nn.flatten(), nn.linear({ out: 2 })];
    const random = await runtime().model(nn.sequential(layers, { input: spec.input }));
    await expectError(analysis.jumps(random, { from, to }), ConfigError, '0 (dropout)', 'random');
    for (const [layer, reason] of [
      [nn.gelu(), 'not affine in pieces'],
      [nn.kwta({ k: 2, by: 'magnitude' }), 'by magnitude'],
    ] as const) {
      const curved = await runtime().model(nn.sequential([layer, nn.flatten()], { input: spec.input }));
      await expectError(analysis.jumps(curved, { from, to }), ConfigError, `0 (${layer.type})`, reason);
    }
  });

  it('says when the network gives no numbers', async () => {
    const model = await runtime().model(nn.sequential([nn.linear({ out: 2 })], { input: [2, 1, 1] }));
    const weight = matrix([
      [3e38, 3e38],
      [3e38, -3e38],
    ]);
    await model.loadStateDict({ '0.weight': weight, '0.bias': vector(0, 0) });
    await expectError(analysis.jumps(model, { from: point(2, 2), to: point(3, 3) }), DivergedError, 't = 0');
  });

  it('reports progress and stops when it is told to', async () => {
    const [, spec] = networks[1];
    const model = await modelOf(spec);
    const { from, to } = ends(spec.input);
    const seen: number[] = [];
    await analysis.jumps(model, { from, to, onProgress: ({ done }) => seen.push(done) });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const controller = new AbortController();
    const failure = await caught(
      analysis.jumps(model, { from, to, signal: controller.signal, onProgress: () => controller.abort() }),
    );
    expect(failure).toMatchObject({ name: 'AbortError' });
    await model.dispose();
  });
});
