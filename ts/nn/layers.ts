/**
 * Layers and containers as plain data: `nn.sequential([nn.conv2d({ out: 16, kernel: 3 }), ...], { input })`.
 * Names, defaults and meaning follow torch.nn; input channels are inferred.
 */
import { construct, type Input, type Options, object, parse } from '../base/schema.js';
import {
  type ConcatSpec,
  concatDescriptor,
  type ModelSpec,
  type ModuleSpec,
  modelInput,
  modulesSchema,
  type ResidualSpec,
  residualDescriptor,
  type SequentialSpec,
  sequentialDescriptor,
} from '../graph/containers.js';
import {
  type AvgPool2dSpec,
  type BatchNorm2dSpec,
  type Conv2dSpec,
  type DropoutSpec,
  type EluSpec,
  type FlattenSpec,
  type GeluSpec,
  type GlobalAvgPool2dSpec,
  type GroupNormSpec,
  type KwtaSpec,
  type LayerNormSpec,
  type LeakyReluSpec,
  type LinearSpec,
  layerDescriptors as layers,
  type MaxPool2dSpec,
  type NormalizeSpec,
  type ReluSpec,
  type SiluSpec,
} from '../ops/index.js';

/**
 * 2-D convolution `[C, H, W] -> [out, oH, oW]`, zero padding.
 *
 * @param options.out output channels, >= 1.
 * @param options.kernel size of the window, or `[rows, columns]`.
 * @param options.stride step in both directions, >= 1; 1 by default.
 * @param options.padding zeros around every side, >= 0; 0 by default.
 * @param options.bias adds a value per output channel; true by default.
 * @throws {ConfigError}
 */
export function conv2d(options: Options<typeof layers.conv2d>): Conv2dSpec {
  return construct(layers.conv2d, options);
}

/**
 * Fully connected layer `[F, 1, 1] -> [out, 1, 1]`; `out` >= 1, and `bias` adds a value per output, which is the default.
 * @throws {ConfigError}
 */
export function linear(options: Options<typeof layers.linear>): LinearSpec {
  return construct(layers.linear, options);
}

/**
 * Batch normalisation per channel. `eps` > 0, 1e-5 by default; `momentum` in [0, 1], the share of the new
 * batch in the running statistics, 0.1 by default. @throws {ConfigError}
 */
export function batchNorm2d(options: Options<typeof layers.batchNorm2d> = {}): BatchNorm2dSpec {
  return construct(layers.batchNorm2d, options);
}

/**
 * Normalises each sample's channels in groups, over all pixels (Wu & He 2018): the same in training and inference, with
 * batches of any size. Weight and bias are per channel.
 *
 * @param options.groups they divide the channels; >= 1.
 * @param options.eps > 0, 1e-5 by default.
 * @throws {ConfigError}; (when the model is built) {ShapeError} when the groups do not divide the channels.
 */
export function groupNorm(options: Options<typeof layers.groupNorm>): GroupNormSpec {
  return construct(layers.groupNorm, options);
}

/**
 * Normalises each sample over all of its C*H*W values (Ba, Kiros & Hinton 2016), as PyTorch's `LayerNorm([C, H, W])`: weight
 * and bias are of that shape, `[C]` for flat features. `eps` > 0, 1e-5 by default. @throws {ConfigError}
 */
export function layerNorm(options: Options<typeof layers.layerNorm> = {}): LayerNormSpec {
  return construct(layers.layerNorm, options);
}

/**
 * k-Winners-Take-All (Xiao, Zhong & Zheng 2020): of each sample's C*H*W values exactly k survive.
 *
 * @param options.gamma share of survivors in (0, 1]: k = floor(gamma * N), with N the values that share the winners.
 *   nupic.torch rounds instead: give `k` to have the same number. Or give
 * @param options.k the number itself, >= 1.
 * @param options.scope whose values share the k winners: `'layer'` (the default): all of a sample, N = C*H*W; `'channel'`:
 *   each channel over its pixels, N = H*W; `'pixel'`: each pixel over its channels, N = C.
 * @param options.by what ranks them: `'value'` (the default), or `'magnitude'`, by which large negative values survive too.
 * @param options.ties `'lowest'`: equal values at the threshold go to the lowest C, H, W index.
 *   `'keep'`: all of them survive, as in the original code.
 * @param options.backward `'mask'`: the true gradient. `'identity'` and `'softmask'` are surrogates for
 *   attackers (BPDA); they cost a dense backward pass. `attacks.bpda` uses them on any model.
 * @param options.temperature of `'softmask'`, which multiplies the gradient of a value x by
 *   sigmoid((x - t) / temperature), with t the smallest of the winners; >= 1e-6, in units of the layer's values; 0.1 by
 *   default.
 * @param options.boost for channels that win too rarely (Ahmad & Scheinkman 2019, "How can we be so dense?"): values are
 *   ranked by themselves times e^(strength * (k / N - duty cycle)), and pass unboosted. A channel's duty cycle is the share
 *   of its values that won, over the last `period` samples of training (1000 by default); it is a state of the layer,
 *   `duty_cycle` in state dicts (see `nn.dutyCycles`). In inference floor(k * inferenceFactor) win, at most N;
 *   `inferenceFactor` >= 1, 1 by default. Not with the scope `'channel'`.
 * @throws {ConfigError}
 */
export function kwta(options: Options<typeof layers.kwta>): KwtaSpec {
  return construct(layers.kwta, options);
}

/** max(x, 0). */
export function relu(options: Options<typeof layers.relu> = {}): ReluSpec {
  return construct(layers.relu, options);
}

/** x where it is positive, else `slope` * x; 0.01 by default. @throws {ConfigError} */
export function leakyRelu(options: Options<typeof layers.leakyRelu> = {}): LeakyReluSpec {
  return construct(layers.leakyRelu, options);
}

/** x where it is positive, else `alpha` * (e^x - 1); 1 by default. @throws {ConfigError} */
export function elu(options: Options<typeof layers.elu> = {}): EluSpec {
  return construct(layers.elu, options);
}

/** x * P(x), with P the distribution function of the standard normal distribution (not its approximation by tanh). */
export function gelu(options: Options<typeof layers.gelu> = {}): GeluSpec {
  return construct(layers.gelu, options);
}

/** x * sigmoid(x). */
export function silu(options: Options<typeof layers.silu> = {}): SiluSpec {
  return construct(layers.silu, options);
}

/** Maximum over windows of `kernel` x `kernel`; `stride` is `kernel` by default, `padding` at most half of it. @throws {ConfigError} */
export function maxPool2d(options: Options<typeof layers.maxPool2d>): MaxPool2dSpec {
  return construct(layers.maxPool2d, options);
}

/**
 * Mean over windows of `kernel` x `kernel`, padding counted as zeros (PyTorch's default). `stride` is
 * `kernel` by default, `padding` 0, and at most half of the window. @throws {ConfigError}
 */
export function avgPool2d(options: Options<typeof layers.avgPool2d>): AvgPool2dSpec {
  return construct(layers.avgPool2d, options);
}

/** Mean over all pixels, `[C, H, W] -> [C, 1, 1]`. */
export function globalAvgPool2d(options: Options<typeof layers.globalAvgPool2d> = {}): GlobalAvgPool2dSpec {
  return construct(layers.globalAvgPool2d, options);
}

/** `[C, H, W] -> [C*H*W, 1, 1]`. */
export function flatten(options: Options<typeof layers.flatten> = {}): FlattenSpec {
  return construct(layers.flatten, options);
}

/**
 * In training, each value is zero with probability `p` in [0, 1), else scaled by 1 / (1 - p).
 *
 * @param options.always in inference, too: a randomised model, whose answers differ from pass to pass. Only there a
 *   seed does not give the same results again, as they depend on what was asked before. False by default.
 * @throws {ConfigError}
 */
export function dropout(options: Options<typeof layers.dropout>): DropoutSpec {
  return construct(layers.dropout, options);
}

/**
 * `(x - mean) / std` per channel: normalisation inside the model, so that epsilon keeps its meaning in pixels. `mean` has a
 * value for each channel, and so has `std`, each > 0. @throws {ConfigError}
 */
export function normalize(options: Options<typeof layers.normalize>): NormalizeSpec {
  return construct(layers.normalize, options);
}

const { name } = sequentialDescriptor.schema.entries;
const sequentialOptions = object({ name });
const modelOptions = object({ input: modelInput, name });

/**
 * Layers one after another; with `input`, the `[C, H, W]` of a sample, it is a whole model. `name` is what the container is
 * called in state dicts; its position by default. @throws {ConfigError}
 */
export function sequential(modules: ModuleSpec[], options: Input<typeof modelOptions>): ModelSpec;
export function sequential(modules: ModuleSpec[], options?: Input<typeof sequentialOptions>): SequentialSpec;
export function sequential(modules: ModuleSpec[], options: object = {}): SequentialSpec {
  const layers = parse(modulesSchema, modules, 'sequential');
  const isModel = typeof options === 'object' && options !== null && 'input' in options;
  const own = isModel ? parse(modelOptions, options, 'model') : parse(sequentialOptions, options, 'sequential');
  return { type: 'sequential', layers, ...own };
}

/**
 * `main(x) + shortcut(x)`, with `main` and `shortcut` lists of layers; without `shortcut`, `main(x) + x`. `name` is what it is
 * called in state dicts; its position by default.
 * @throws {ConfigError}; (when the model is built) {ShapeError} where the two have different shapes.
 */
export function residual(options: Options<typeof residualDescriptor>): ResidualSpec {
  return construct(residualDescriptor, options);
}

/**
 * Branches from one input, `[C1, H, W], [C2, H, W], ... -> [C1 + C2 + ..., H, W]`; an empty branch is the identity. What
 * k-WTA gives in all branches stays compressed. A layer's state-dict name has the branch's number in it: `3.1.0.weight`, with
 * `name` in place of the position where there is one.
 *
 * @throws {ConfigError}; (when the model is built) {ShapeError} where heights or widths differ.
 */
export function concat(
  branches: ModuleSpec[][],
  options: Omit<Options<typeof concatDescriptor>, 'branches'> = {},
): ConcatSpec {
  return construct(concatDescriptor, { ...options, branches });
}
