/** Networks to ONNX and back: the same description's worth, the same bits; what cannot be is told by the names of nodes. */
import {
  ConfigError,
  DataError,
  exportOnnx,
  importOnnx,
  type Model,
  type ModelSpec,
  models,
  nn,
  ShapeError,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { encodeModelProto, type ModelProto, type NodeProto, type Partly } from '../../ts/io/onnx/proto.js';
import { attributes, floatTensor, wholeTensor } from '../../ts/io/onnx/tensors.js';
import { randomState } from '../reference/randomNetworks.js';
import { expectError, noiseTensor, useRuntime } from './support.js';

const runtime = useRuntime({ threads: 1 });
const activation = nn.kwta({ gamma: 0.2 });
const input: [number, number, number] = [3, 32, 32];

/** A model whose parameters are not those of a new one. */
async function trained(spec: ModelSpec): Promise<Model> {
  const model = await runtime().model(spec, { seed: 3 });
  await model.loadStateDict(randomState(await model.stateDict(), 3));
  return model;
}

const zoo: Record<string, ModelSpec> = {
  alexNet: models.alexNet({ activation, width: 2 }),
  'alexNet, imageNet': models.alexNet({ activation, width: 2, stem: 'imageNet', input: [3, 64, 64], classes: 10 }),
  resNet18: models.resNet18({ activation, width: 2 }),
  'resNet18, imageNet': models.resNet18({ activation, width: 2, stem: 'imageNet', input: [3, 64, 64], classes: 10 }),
  resNet34: models.resNet34({ activation, width: 2 }),
  wideResNet: models.wideResNet({ activation, depth: 16, widen: 2, width: 2 }),
  denseNet121: models.denseNet121({ activation, growth: 3, blocks: [2, 3, 2] }),
  smallCnn: models.smallCnn({ activation }),
  'smallCnn, flatten': models.smallCnn({ activation: nn.gelu(), head: 'flatten', channels: [2, 3, 4] }),
  'all other layers': nn.sequential(
    [
      nn.normalize({ mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 0.3] }),
      nn.conv2d({ out: 8, kernel: [3, 1], padding: 1 }),
      nn.groupNorm({ groups: 2 }),
      nn.kwta({ gamma: 0.2, scope: 'channel' }),
      nn.conv2d({ out: 8, kernel: 3, padding: 1, stride: 2 }),
      nn.layerNorm(),
      nn.kwta({ gamma: 0.3, scope: 'pixel', by: 'magnitude' }),
      nn.avgPool2d({ kernel: 3, stride: 2, padding: 1 }),
      nn.silu(),
      nn.elu({ alpha: 0.7 }),
      nn.leakyRelu(),
      nn.kwta({ k: 30, ties: 'keep' }),
      nn.residual({ main: [], shortcut: [nn.conv2d({ out: 8, kernel: 1 })] }),
      nn.kwta({ k: 30, by: 'magnitude', ties: 'keep' }),
      nn.concat([[], [nn.conv2d({ out: 2, kernel: 1 })], [nn.relu()]]),
      nn.kwta({ k: 20, by: 'magnitude' }),
      nn.flatten(),
      nn.dropout({ p: 0.1 }),
      nn.linear({ out: 20, bias: false }),
      nn.batchNorm2d(),
      nn.kwta({ k: 7 }),
      nn.layerNorm(),
      nn.linear({ out: 10 }),
    ],
    { input },
  ),
};

describe('a network', () => {
  it.each(Object.entries(zoo))('comes back with the same logits: %s', async (_, spec) => {
    const model = await trained(spec);
    const { spec: found, stateDict } = await importOnnx(await exportOnnx(model));
    const back = await runtime().model(found);
    await back.loadStateDict(stateDict);
    const x = noiseTensor(5, 3, ...spec.input);
    expect(await back.logits(x)).toEqual(await model.logits(x));
    await model.dispose();
    await back.dispose();
  });

  it('keeps the names of its layers and weights', async () => {
    const model = await trained(zoo.resNet18);
    const { spec, stateDict } = await importOnnx(await exportOnnx(model));
    expect(stateDict).toEqual(await model.stateDict());
    const layers = nn.summary(spec).filter(({ type }) => type !== 'add');
    expect(layers).toEqual(nn.summary(model.spec).filter(({ type }) => type !== 'add'));
    await model.dispose();
  });

  it('chooses the same among equal values', async () => {
    const spec = nn.sequential([nn.kwta({ k: 5 }), nn.flatten(), nn.linear({ out: 2 })], { input: [2, 2, 2] });
    const model = await trained(spec);
    const { spec: found } = await importOnnx(await exportOnnx(model));
    const back = await runtime().model(found);
    const x = { shape: [1, 2, 2, 2], data: Float32Array.of(1, 0.5, 0.5, 0.5, -1, 0.5, 0.5, 2) };
    expect((await back.activationPattern(x))[0].indices).toEqual([Uint32Array.of(0, 1, 2, 3, 7)]);
    await model.dispose();
    await back.dispose();
  });

  it('that answers at random is not exported', async () => {
    const layers = [nn.flatten(), nn.dropout({ p: 0.5, always: true }), nn.linear({ out: 2 })];
    const model = await runtime().model(nn.sequential(layers, { input: [1, 2, 2] }));
    await expectError(() => exportOnnx(model), ConfigError, /1 \(dropout\): expected a model that answers alike/);
    await expectError(() => exportOnnx({} as Model), ConfigError, /exportOnnx: expected a model, got Object/);
    await model.dispose();
  });
});

/** A file with these nodes between `x` `[N, 2, 4, 4]` and `y`. */
function file(nodes: Partly<NodeProto>[], more: Partly<ModelProto['graph'] & object> = {}): Promise<Uint8Array> {
  const dim = [{ dimParam: 'N' }, ...[2, 4, 4].map((extent) => ({ dimValue: BigInt(extent) }))];
  const type = { tensorType: { elemType: 1, shape: { dim } } };
  const graph = { name: 'g', node: nodes, input: [{ name: 'x', type }], output: [{ name: 'y' }], ...more };
  return encodeModelProto({ irVersion: 8n, graph });
}

const node = (
  opType: string,
  input: string[],
  output: string[],
  values: Parameters<typeof attributes>[0] = {},
): Partly<NodeProto> => ({ opType, name: `${opType} of ${output[0]}`, input, output, attribute: attributes(values) });
const constant = (name: string, shape: number[]) =>
  floatTensor(name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5) });

describe('a file', () => {
  it('of k-WTA as the original code is exported: compared with the least of the winners', async () => {
    const nodes = [
      node('Reshape', ['x', 'flat'], ['values']),
      node('TopK', ['values', 'k'], ['top', 'places'], { axis: 1 }),
      node('Gather', ['top', 'last'], ['least'], { axis: 1 }),
      node('Unsqueeze', ['least', 'axis'], ['column']),
      node('GreaterOrEqual', ['values', 'column'], ['kept']),
      node('Cast', ['kept'], ['mask'], { to: 1 }),
      node('Mul', ['mask', 'values'], ['winners']),
      node('Reshape', ['winners', 'image'], ['back']),
      node('ReduceMean', ['back', 'pixels'], ['y'], { keepdims: 0 }),
    ];
    const initializer = [
      wholeTensor('flat', [0, -1]),
      wholeTensor('k', [6]),
      wholeTensor('last', [5], []),
      wholeTensor('axis', [1]),
      wholeTensor('image', [0, 2, 4, 4]),
      wholeTensor('pixels', [2, 3]),
    ];
    const { spec } = await importOnnx(await file(nodes, { initializer }));
    expect(spec.layers).toEqual([
      nn.kwta({ k: 6, ties: 'keep', name: 'Reshape of back' }),
      nn.globalAvgPool2d({ name: 'ReduceMean of y' }),
    ]);
  });

  it('in which all before is joined at once, as torchvision does it, becomes branches', async () => {
    const initializer = ['a', 'b'].map((name, i) => constant(`${name}.weight`, [3, 2 + 3 * i, 1, 1]));
    const nodes = [
      node('Conv', ['x', 'a.weight'], ['f1']),
      node('Concat', ['x', 'f1'], ['c1'], { axis: 1 }),
      node('Conv', ['c1', 'b.weight'], ['f2']),
      node('Concat', ['x', 'f1', 'f2'], ['c2'], { axis: 1 }),
      node('GlobalAveragePool', ['c2'], ['y']),
    ];
    const { spec } = await importOnnx(await file(nodes, { initializer }));
    const layer = (name: string) => nn.concat([[], [nn.conv2d({ out: 3, kernel: 1, bias: false, name })]]);
    expect(spec.layers).toEqual([layer('a'), layer('b'), nn.globalAvgPool2d({ name: 'GlobalAveragePool of y' })]);
  });

  it('with matrices, biases apart and shifts becomes layers', async () => {
    const initializer = [
      constant('m', [1, 2, 1, 1]),
      constant('s', [2, 1, 1]),
      constant('w', [32, 3]),
      constant('b', [3]),
    ];
    const nodes = [
      node('Sub', ['x', 'm'], ['moved']),
      node('Div', ['moved', 's'], ['scaled']),
      node('Identity', ['scaled'], ['same']),
      node('Flatten', ['same'], ['flat']),
      node('MatMul', ['flat', 'w'], ['product']),
      node('Add', ['product', 'b'], ['y']),
    ];
    const { spec, stateDict } = await importOnnx(await file(nodes, { initializer }));
    expect(spec.layers.map(({ type }) => type)).toEqual(['normalize', 'flatten', 'linear']);
    expect(stateDict['MatMul of product.weight'].shape).toEqual([3, 32]);
    expect(spec.layers[0]).toMatchObject({ mean: [0.5, 0.5], std: [0.5, 0.5] });
  });

  it('with scaled matrices and one bias for all, or weights that do not fit, is read or told', async () => {
    const nodes = (bias: string) => [
      node('Flatten', ['x'], ['flat'], { axis: -3 }),
      node('Gemm', ['flat', 'w', bias], ['y'], { alpha: { float: 2 }, beta: { float: 0.5 } }),
    ];
    const initializer = [constant('w', [32, 3]), constant('b', [1]), constant('c', [2]), constant('d', [1, 3])];
    for (const bias of ['b', 'd']) {
      const { stateDict } = await importOnnx(await file(nodes(bias), { initializer }));
      expect(Array.from(stateDict['Gemm of y.bias'].data)).toEqual([0.25, 0.25, 0.25]);
      expect(stateDict['Gemm of y.weight']).toEqual({ shape: [3, 32], data: new Float32Array(96).fill(1) });
    }
    await expectError(
      async () => importOnnx(await file(nodes('c'), { initializer })),
      DataError,
      /Gemm of y \(Gemm\): expected a bias for each output/,
    );
    const small = [constant('w', [30, 3]), constant('b', [1])];
    await expectError(
      async () => importOnnx(await file(nodes('b'), { initializer: small })),
      ShapeError,
      /of another shape: 'Gemm of y.weight' \(expected \[3, 32\], got \[3, 30\]\)/,
    );
  });

  it('whose nodes have no counterpart has all of them named', async () => {
    const initializer = [constant('w', [2, 1, 3, 3]), constant('v', [2, 2, 3, 3]), wholeTensor('k', [3])];
    const nodes = [
      node('Conv', ['x', 'w'], ['a'], { group: 2 }),
      node('Conv', ['a', 'v'], ['b'], { pads: [0, 0, 1, 1] }),
      node('Hardswish', ['b'], ['c']),
      node('TopK', ['c', 'k'], ['d', 'e'], { axis: 1 }),
      node('Conv', ['d', 'q'], ['f']),
      node('MaxPool', ['f'], ['y'], { kernel_shape: [2, 3] }),
    ];
    await expectError(
      async () => importOnnx(await file(nodes, { initializer })),
      DataError,
      /importOnnx: what has no counterpart here: TopK of d \(TopK\): no k-WTA around it is known; Conv of a \(Conv\): expected one group; Conv of b \(Conv\): expected the same padding on all sides, got \[0, 0, 1, 1\]; Hardswish of c \(Hardswish\): there is no such layer; Conv of f \(Conv\): expected the weights to be constant; MaxPool of y \(MaxPool\): expected a square window$/,
    );
  });

  it('whose values are in another file is refused', async () => {
    const initializer = [{ ...constant('w', [2, 2, 1, 1]), rawData: new Uint8Array(0), dataLocation: 1 }];
    const nodes = [node('Conv', ['x', 'w'], ['y'])];
    await expectError(
      async () => importOnnx(await file(nodes, { initializer })),
      DataError,
      /'w': expected values inside the file, got those of another file/,
    );
  });

  it('that is damaged, or has no image as its input, is refused', async () => {
    await expectError(
      () => importOnnx(Uint8Array.of(7, 255, 255)),
      DataError,
      /importOnnx: expected a file of ONNX, found another/,
    );
    await expectError(() => importOnnx(new Uint8Array(0)), DataError, /expected a graph, found none/);
    const open = { name: 'x', type: { tensorType: { shape: { dim: [{ dimParam: 'N' }, { dimParam: 'C' }] } } } };
    const relu = await file([node('Relu', ['x'], ['z']), node('Flatten', ['z'], ['y'])], { input: [open] });
    await expectError(
      () => importOnnx(relu),
      DataError,
      /expected images \[N, C, H, W\] as the input 'x'.* give { input/,
    );
    expect((await importOnnx(relu, { input: [2, 4, 4] })).spec.input).toEqual([2, 4, 4]);
    const two = await file([node('Add', ['x', 'q'], ['y'])], { input: [open, { ...open, name: 'q' }] });
    await expectError(() => importOnnx(two), DataError, /expected one input, found x, q/);
    const apart = await file([node('Relu', ['nowhere'], ['y'])]);
    await expectError(
      () => importOnnx(apart),
      DataError,
      /Relu of y \(Relu\): expected a value that is made before it, got "nowhere"/,
    );
  });
});
