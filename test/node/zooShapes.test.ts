/** State dicts of whole models have torchvision's names and shapes; what the summary says of them. */
import { models, nn } from 'kwta';
import { describe, expect, it } from 'vitest';
// Parameters without their memory.
import { buildGraph, graphInput } from '../../dist/graph/graph.js';
import { ruleOf } from '../../dist/ops/index.js';
import { fixtures } from '../fixtures/fixtures.js';
import { zooModel } from '../fixtures/zoo.js';

const cases = await fixtures('zoo_shapes');

describe('whole models', () => {
  it.each(cases.map((item) => [item.model, item] as const))('have the state dict of PyTorch: %s', (_, item) => {
    const graph = buildGraph(zooModel(item, 0.1));
    const own = graph.nodes.flatMap(({ spec, name, inputs }) => {
      const input = inputs[0] === graphInput ? graph.input : graph.nodes[inputs[0]].output;
      return ruleOf(spec)
        .parameters(spec, input)
        .map((parameter) => [`${name}.${parameter.name}`, parameter.shape]);
    });
    const theirs = Object.entries(JSON.parse(item.state)).filter(([name]) => !name.endsWith('.num_batches_tracked'));
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(theirs));
  });
});

describe('nn.summary', () => {
  it('lists winners, parameters and multiply-adds of ResNet-18', () => {
    const rows = nn.summary(models.resNet18({ activation: nn.kwta({ gamma: 0.1 }) }), [3, 32, 32]);
    const winners = rows.filter(({ type }) => type === 'kwta');
    expect([...new Set(winners.map(({ N }) => N))]).toEqual([65536, 32768, 16384, 8192]);
    expect([...new Set(winners.map(({ k }) => k))]).toEqual([6553, 3276, 1638, 819]);
    const sum = (of: 'parameters' | 'multiplyAdds' | 'multiplyAddsAtGamma') =>
      rows.reduce((all, row) => all + row[of], 0);
    expect(sum('parameters')).toBe(11_173_962);
    expect(sum('multiplyAdds')).toBe(555_422_720);
    // The stem sees pixels, the first convolution a ReLU; all others a tenth.
    const dense = 3 * 9 * 64 * 1024 + 64 * 9 * 64 * 1024 + 5120;
    expect(sum('multiplyAddsAtGamma')).toBeGreaterThan(dense);
    expect(sum('multiplyAddsAtGamma')).toBeLessThan(dense + 0.1001 * (555_422_720 - dense));
    const conv = rows.find(({ layer }) => layer === 'layer2.0.conv1');
    expect(conv).toEqual({
      layer: 'layer2.0.conv1',
      type: 'conv2d',
      output: [128, 16, 16],
      parameters: 128 * 64 * 9,
      multiplyAdds: 128 * 64 * 9 * 256,
      multiplyAddsAtGamma: Math.round((128 * 64 * 9 * 256 * 6553) / 65536),
      bytes: 4 * 128 * 256,
    });
    expect(winners[0].bytes).toBe(8 * 6553 + 4 * 1025);
  });

  it('counts groups, compressed branches and layers without a model', () => {
    const winners = nn.kwta({ k: 2, scope: 'pixel' });
    const branches = nn.concat([[winners], [nn.kwta({ gamma: 0.25 })]]);
    const rows = nn.summary(nn.sequential([branches, nn.conv2d({ out: 1, kernel: 1, bias: false })]), [4, 3, 3]);
    expect(rows.map(({ layer, type, N, k, groups }) => ({ layer, type, N, k, groups }))).toEqual([
      { layer: '0.0.0', type: 'kwta', N: 4, k: 2, groups: 9 },
      { layer: '0.1.0', type: 'kwta', N: 36, k: 9, groups: 1 },
      { layer: '0', type: 'concat' },
      { layer: '1', type: 'conv2d' },
    ]);
    expect(rows[2].bytes).toBe(4 * (2 * 27 + 10));
    expect([rows[3].multiplyAdds, rows[3].multiplyAddsAtGamma]).toEqual([72, 27]);
  });
});
