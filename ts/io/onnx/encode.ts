/**
 * A model as a graph of ONNX, in evaluation. Layers keep their names: of a layer's nodes the last has it, and constants are called
 * as in state dicts. Values are `[N, C, H, W]` until something flat is made of them, which is `[N, F]`.
 *
 * k-WTA is TopK and what puts its values back in their places (ScatterElements). TopK gives equal values to the lower index, as
 * k-WTA does in C, H, W order, so that ties are the same, too.
 */
import { ConfigError } from '../../base/errors.js';
import type { Tensor } from '../../base/tensor.js';
import { version } from '../../base/version.js';
import type { ModelSpec } from '../../graph/containers.js';
import { buildGraph, graphInput } from '../../graph/graph.js';
import type { OpSpec } from '../../ops/index.js';
import { groupsOf, type KwtaSpec, winners, winnersOf } from '../../ops/kwta.js';
import { type Features, featureSize } from '../../ops/op.js';
import { encodeModelProto, type NodeProto, type Partly, type TensorProto } from './proto.js';
import { attributes, float32, floatTensor, wholeTensor } from './tensors.js';

/** Of ONNX's own operators: the first with all of those used here as they are used. */
const opset = 21;
/** The version of files that goes with it. */
const irVersion = 10;

type AttributeValues = Parameters<typeof attributes>[0];

/** A value in the graph. */
interface Value {
  name: string;
  features: Features;
  /** `[N, F]` in place of `[N, C, H, W]`. */
  flat: boolean;
}

/** Collects nodes and constants; all of a layer's are called after it. */
class Writer {
  readonly nodes: Partly<NodeProto>[] = [];
  readonly constants = new Map<string, Partly<TensorProto>>();

  constructor(private readonly stateDict: Record<string, Tensor>) {}

  /** Adds a node of one output, and gives that. */
  node(opType: string, name: string, input: readonly string[], values: AttributeValues = {}, outputs = 1): string {
    const output = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}:${i}`));
    this.nodes.push({ opType, name, input: [...input], output, attribute: attributes(values) });
    return name;
  }

  /** A parameter under its own name. */
  parameter(layer: string, own: string): string {
    const name = `${layer}.${own}`;
    return this.constant(floatTensor(name, this.stateDict[name]));
  }

  constant(tensor: Partly<TensorProto>): string {
    const name = tensor.name as string;
    this.constants.set(name, tensor);
    return name;
  }

  /** `[N, F]` */
  flat(layer: string, { name, features, flat }: Value): Value {
    if (flat) return { name, features, flat };
    return { name: this.node('Flatten', `${layer}/flat`, [name], { axis: 1 }), features, flat: true };
  }

  /** `[N, C, H, W]` */
  image(layer: string, { name, features, flat }: Value): Value {
    if (!flat) return { name, features, flat };
    const { c, h, w } = features;
    return { name: this.reshaped(`${layer}/image`, name, [c, h, w]), features, flat: false };
  }

  /** A sample gets another shape. */
  reshaped(name: string, input: string, shape: readonly number[]): string {
    return this.node('Reshape', name, [input, this.constant(wholeTensor(`${name}.shape`, [0, ...shape]))]);
  }

  /** Values by channel, for an image. */
  byChannel(name: string, values: ArrayLike<number>): string {
    return this.constant(floatTensor(name, { shape: [1, values.length, 1, 1], data: Float32Array.from(values) }));
  }

  state(name: string): Tensor {
    return this.stateDict[name];
  }
}

/** What a layer's last node gives. */
type Encode<Spec> = (
  spec: Spec,
  inputs: Value[],
  layer: string,
  writer: Writer,
  output: Features,
) => Omit<Value, 'features'>;

/** Of one input, with nothing but that. */
function simple<Spec>(opType: string, values: (spec: Spec) => AttributeValues = () => ({})): Encode<Spec> {
  return (spec, [{ name, flat }], layer, writer) => ({ name: writer.node(opType, layer, [name], values(spec)), flat });
}

/** Of images, or flat values where all are. */
function joining<Spec>(opType: string, values: AttributeValues): Encode<Spec> {
  return (_, inputs, layer, writer) => {
    const flat = inputs.every((input) => input.flat);
    const alike = inputs.map((input, i) => (flat ? input : writer.image(`${layer}/${i}`, input)).name);
    return { name: writer.node(opType, layer, alike, values), flat };
  };
}

function pool(opType: string, more: AttributeValues): Encode<{ kernel: number; stride: number; padding: number }> {
  return ({ kernel, stride, padding }, [input], layer, writer) => {
    const { name } = writer.image(layer, input);
    const window = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: Array(4).fill(padding), ...more };
    return { name: writer.node(opType, layer, [name], window), flat: false };
  };
}

function normalizing<Spec extends { eps: number }>(
  opType: string,
  own: readonly string[],
  values: (spec: Spec) => AttributeValues,
): Encode<Spec> {
  return (spec, [input], layer, writer) => {
    const parameters = own.map((name) => writer.parameter(layer, name));
    return {
      name: writer.node(opType, layer, [input.name, ...parameters], { epsilon: { float: spec.eps }, ...values(spec) }),
      flat: input.flat,
    };
  };
}

const encoders: { [Type in OpSpec['type']]: Encode<Extract<OpSpec, { type: Type }>> } = {
  add: joining('Add', {}),
  concat: joining('Concat', { axis: 1 }),
  avgPool2d: pool('AveragePool', { count_include_pad: 1 }),
  maxPool2d: pool('MaxPool', {}),
  batchNorm2d: normalizing('BatchNormalization', ['weight', 'bias', 'running_mean', 'running_var'], ({ momentum }) => ({
    // ONNX's is the share of what was before.
    momentum: { float: 1 - momentum },
  })),
  groupNorm: (spec, [input], layer, writer, output) =>
    normalizing<typeof spec>('GroupNormalization', ['weight', 'bias'], ({ groups }) => ({ num_groups: groups }))(
      spec,
      [writer.image(layer, input)],
      layer,
      writer,
      output,
    ),
  layerNorm: (spec, [input], layer, writer, output) =>
    normalizing<typeof spec>('LayerNormalization', ['weight', 'bias'], () => ({ axis: 1 }))(
      spec,
      [featureSize(output) === output.c ? writer.flat(layer, input) : input],
      layer,
      writer,
      output,
    ),
  conv2d({ stride, padding, bias }, [input], layer, writer) {
    const { name } = writer.image(layer, input);
    const parameters = (bias ? ['weight', 'bias'] : ['weight']).map((own) => writer.parameter(layer, own));
    const [, , ...kernel] = writer.state(`${layer}.weight`).shape;
    const window = { kernel_shape: kernel, strides: [stride, stride], pads: Array(4).fill(padding) };
    return { name: writer.node('Conv', layer, [name, ...parameters], window), flat: false };
  },
  linear({ bias }, [input], layer, writer) {
    const { name } = writer.flat(layer, input);
    const parameters = (bias ? ['weight', 'bias'] : ['weight']).map((own) => writer.parameter(layer, own));
    return { name: writer.node('Gemm', layer, [name, ...parameters], { transB: 1 }), flat: true };
  },
  flatten: (_, [input], layer, writer) => ({
    name: writer.node('Flatten', layer, [writer.image(layer, input).name], { axis: 1 }),
    flat: true,
  }),
  globalAvgPool2d: (_, [input], layer, writer) => ({
    name: writer.node('GlobalAveragePool', layer, [writer.image(layer, input).name]),
    flat: false,
  }),
  normalize({ mean, std }, [input], layer, writer) {
    const { name } = writer.image(layer, input);
    const moved = writer.node('Sub', `${layer}/moved`, [name, writer.byChannel(`${layer}.mean`, mean)]);
    return { name: writer.node('Div', layer, [moved, writer.byChannel(`${layer}.std`, std)]), flat: false };
  },
  dropout({ p, always }, [{ name, flat }], layer, writer) {
    if (always === true)
      throw new ConfigError(`${layer} (dropout): expected a model that answers alike, got always: true`);
    const ratio = writer.constant(floatTensor(`${layer}.ratio`, { shape: [], data: Float32Array.of(p) }));
    return { name: writer.node('Dropout', layer, [name, ratio]), flat };
  },
  relu: simple('Relu'),
  leakyRelu: simple('LeakyRelu', ({ slope }) => ({ alpha: { float: slope } })),
  elu: simple('Elu', ({ alpha }) => ({ alpha: { float: alpha } })),
  gelu: simple('Gelu'),
  silu: (_, [{ name, flat }], layer, writer) => ({
    name: writer.node('Mul', layer, [name, writer.node('Sigmoid', `${layer}/sigmoid`, [name])]),
    flat,
  }),
  kwta: encodeKwta,
  densify: simple('Identity'),
  softmax: simple('Softmax', () => ({ axis: 1 })),
};

/** Values ranked along one axis, the winners put back among zeros. */
function encodeKwta(
  spec: KwtaSpec,
  [input]: Value[],
  layer: string,
  writer: Writer,
  output: Features,
): Omit<Value, 'features'> {
  const { scope, by, ties, boost } = spec;
  const { c, h, w } = output;
  const own = winnersOf(spec, output, layer);
  const { n } = groupsOf(spec, output);
  const k = boost === undefined ? own : Math.min(winners(boost.inferenceFactor, own), n);
  const whole = scope === 'layer' ? input : writer.image(layer, input);
  const keys =
    boost === undefined ? whole : boosted(boost.strength, own / n, writer.image(layer, whole), layer, writer);
  const arranged = (value: Value, name: string): string => {
    if (scope === 'pixel') return value.name;
    return scope === 'layer' ? writer.flat(name, value).name : writer.reshaped(name, value.name, [c, h * w]);
  };
  const axis = scope === 'channel' ? 2 : 1;
  const values = arranged(whole, `${layer}/values`);
  const ranked = keys === whole ? values : arranged(keys, `${layer}/ranked`);
  const key = by === 'magnitude' ? writer.node('Abs', `${layer}/abs`, [ranked]) : ranked;
  const top = `${layer}/top`;
  const count = writer.constant(wholeTensor(`${top}.k`, [k]));
  writer.node('TopK', top, [key, count], { axis, largest: 1, sorted: 1 }, 2);
  // In the shape that the values were arranged in; the last node has the layer's name.
  const isLast = scope === 'pixel' || (scope === 'layer' && input.flat);
  const name = isLast ? layer : `${layer}/winners`;
  if (ties === 'keep') {
    const axes = writer.constant(wholeTensor(`${layer}/least.axes`, [axis]));
    const least = writer.node('ReduceMin', `${layer}/least`, [top, axes], { keepdims: 1 });
    const kept = writer.node('GreaterOrEqual', `${layer}/kept`, [key, least]);
    const zero = writer.constant(floatTensor(`${layer}/zero`, { shape: [], data: new Float32Array(1) }));
    writer.node('Where', name, [kept, values, zero]);
  } else {
    const chosen =
      key === values ? top : writer.node('GatherElements', `${layer}/chosen`, [values, `${top}:1`], { axis });
    const zeros = writer.node('ConstantOfShape', `${layer}/zeros`, [writer.node('Shape', `${layer}/shape`, [values])]);
    writer.node('ScatterElements', name, [zeros, `${top}:1`, chosen], { axis });
  }
  if (!isLast) writer.reshaped(layer, name, [c, h, w]);
  return { name: layer, flat: scope === 'layer' && input.flat };
}

/** The values by which boosted layers rank: those of channels that won rarely count for more. */
function boosted(strength: number, target: number, input: Value, layer: string, writer: Writer): Value {
  const { data } = writer.state(`${layer}.duty_cycle`);
  const factors = Float32Array.from(data, (share) => Math.exp(strength * (target - share)));
  return {
    ...input,
    name: writer.node('Mul', `${layer}/boosted`, [input.name, writer.byChannel(`${layer}.boost`, factors)]),
  };
}

/**
 * The bytes of a model.
 *
 * @throws {ConfigError} naming a layer that has no counterpart, or without the package that writes messages.
 */
export function encodeOnnx(spec: ModelSpec, stateDict: Record<string, Tensor>): Promise<Uint8Array> {
  const { input, nodes } = buildGraph(spec);
  const writer = new Writer(stateDict);
  const first: Value = { name: 'input', features: input, flat: false };
  const values: Value[] = [];
  for (const { spec: own, name, inputs, output } of nodes) {
    const from = inputs.map((index) => (index === graphInput ? first : values[index]));
    const encode = encoders[own.type] as Encode<OpSpec>;
    values.push({ ...encode(own, from, name, writer, output), features: output });
  }
  const last = writer.flat('logits', values[values.length - 1]);
  writer.node('Identity', 'output', [last.name]);
  const valueInfo = (name: string, extents: readonly number[]) => ({
    name,
    type: {
      tensorType: {
        elemType: float32,
        shape: { dim: [{ dimParam: 'N' }, ...extents.map((extent) => ({ dimValue: BigInt(extent) }))] },
      },
    },
  });
  return encodeModelProto({
    irVersion: BigInt(irVersion),
    producerName: 'kwta',
    producerVersion: version,
    opsetImport: [{ domain: '', version: BigInt(opset) }],
    docString: 'Pixels from 0 to 1 in, logits out.',
    metadataProps: [{ key: 'kwta.model', value: JSON.stringify(spec) }],
    graph: {
      name: spec.name ?? 'model',
      node: writer.nodes,
      initializer: [...writer.constants.values()],
      input: [valueInfo('input', [input.c, input.h, input.w])],
      output: [valueInfo('output', [featureSize(last.features)])],
    },
  });
}
