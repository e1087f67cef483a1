/**
 * Layers and containers as plain data: `nn.sequential([nn.conv2d({ out: 16, kernel: 3 }), ...], { input })`.
 * Names, defaults and meaning follow torch.nn; input channels are inferred.
 */
import { checkChoice, checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import type { ModelSpec, ModuleSpec, ResidualSpec, SequentialSpec } from '../graph/graph.js';
import type {
  AvgPool2dSpec,
  BatchNorm2dSpec,
  Conv2dSpec,
  DropoutSpec,
  FlattenSpec,
  GlobalAvgPool2dSpec,
  KwtaSpec,
  LinearSpec,
  MaxPool2dSpec,
  NormalizeSpec,
  ReluSpec,
} from '../ops/index.js';

/** Every layer may carry its own state-dict prefix; without one it is the position, as in PyTorch's nn.Sequential. */
interface Named {
  name?: string;
}

function checkOptions(layer: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`${layer}: expected an options object, got ${describe(options)}`);
  }
  checkKeys(layer, options, [...known, 'name']);
}

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
export function conv2d(
  options: {
    out: number;
    kernel: number | [number, number];
    stride?: number;
    padding?: number;
    bias?: boolean;
  } & Named,
): Conv2dSpec {
  checkOptions('conv2d', options, ['out', 'kernel', 'stride', 'padding', 'bias']);
  const { out, kernel, stride = 1, padding = 0, bias = true, name } = options;
  checkInteger('conv2d.out', out, { min: 1 });
  for (const size of [kernel].flat()) checkInteger('conv2d.kernel', size, { min: 1 });
  checkInteger('conv2d.stride', stride, { min: 1 });
  checkInteger('conv2d.padding', padding, { min: 0 });
  return { type: 'conv2d', out, kernel, stride, padding, bias, ...(name !== undefined && { name }) };
}

/** Fully connected layer `[F, 1, 1] -> [out, 1, 1]`; `out` >= 1. @throws {ConfigError} */
export function linear(options: { out: number; bias?: boolean } & Named): LinearSpec {
  checkOptions('linear', options, ['out', 'bias']);
  const { out, bias = true, name } = options;
  checkInteger('linear.out', out, { min: 1 });
  return { type: 'linear', out, bias, ...(name !== undefined && { name }) };
}

/**
 * Batch normalisation per channel. `eps` > 0, 1e-5 by default; `momentum` in [0, 1], the share of the new
 * batch in the running statistics, 0.1 by default. @throws {ConfigError}
 */
export function batchNorm2d(options: { eps?: number; momentum?: number } & Named = {}): BatchNorm2dSpec {
  checkOptions('batchNorm2d', options, ['eps', 'momentum']);
  const { eps = 1e-5, momentum = 0.1, name } = options;
  checkNumber('batchNorm2d.eps', eps, { above: 0 });
  checkNumber('batchNorm2d.momentum', momentum, { min: 0, max: 1 });
  return { type: 'batchNorm2d', eps, momentum, ...(name !== undefined && { name }) };
}

/**
 * k-Winners-Take-All (Xiao, Zhong & Zheng 2020): of each sample's C*H*W values exactly k survive.
 *
 * @param options.gamma share of survivors in (0, 1]: k = floor(gamma * C*H*W). Or give
 * @param options.k the number itself, >= 1.
 * @param options.ties `'lowest'`: equal values at the threshold go to the lowest C, H, W index.
 *   `'keep'`: all of them survive, as in the original code.
 * @param options.backward `'mask'`: the true gradient. `'identity'` and `'softmask'` are surrogates for
 *   attackers (BPDA); they cost a dense backward pass.
 * @throws {ConfigError}
 */
export function kwta(
  options: {
    gamma?: number;
    k?: number;
    ties?: 'lowest' | 'keep';
    backward?: 'mask' | 'identity' | 'softmask';
  } & Named,
): KwtaSpec {
  checkOptions('kwta', options, ['gamma', 'k', 'ties', 'backward']);
  const { gamma, k, ties = 'lowest', backward = 'mask', name } = options;
  if ((gamma === undefined) === (k === undefined)) {
    throw new ConfigError(`kwta: expected either gamma or k, got gamma = ${gamma} and k = ${k}`);
  }
  if (gamma !== undefined) checkNumber('kwta.gamma', gamma, { above: 0, max: 1 });
  if (k !== undefined) checkInteger('kwta.k', k, { min: 1 });
  checkChoice('kwta.ties', ties, ['lowest', 'keep']);
  checkChoice('kwta.backward', backward, ['mask', 'identity', 'softmask']);
  return {
    type: 'kwta',
    ...(gamma !== undefined ? { gamma } : { k }),
    ties,
    backward,
    ...(name !== undefined && { name }),
  };
}

/** max(x, 0). */
export function relu(options: Named = {}): ReluSpec {
  checkOptions('relu', options, []);
  return { type: 'relu', ...options };
}

type PoolOptions = { kernel: number; stride?: number; padding?: number } & Named;

function pool<Type extends string>(type: Type, options: PoolOptions) {
  checkOptions(type, options, ['kernel', 'stride', 'padding']);
  const { kernel, stride = kernel, padding = 0, name } = options;
  checkInteger(`${type}.kernel`, kernel, { min: 1 });
  checkInteger(`${type}.stride`, stride, { min: 1 });
  checkInteger(`${type}.padding`, padding, { min: 0, max: Math.floor(kernel / 2) });
  return { type, kernel, stride, padding, ...(name !== undefined && { name }) };
}

/** Maximum over windows; `stride` is `kernel` by default, `padding` at most half of it. @throws {ConfigError} */
export function maxPool2d(options: PoolOptions): MaxPool2dSpec {
  return pool('maxPool2d', options);
}

/** Mean over windows, padding counted as zeros (PyTorch's default). @throws {ConfigError} */
export function avgPool2d(options: PoolOptions): AvgPool2dSpec {
  return pool('avgPool2d', options);
}

/** Mean over all pixels, `[C, H, W] -> [C, 1, 1]`. */
export function globalAvgPool2d(options: Named = {}): GlobalAvgPool2dSpec {
  checkOptions('globalAvgPool2d', options, []);
  return { type: 'globalAvgPool2d', ...options };
}

/** `[C, H, W] -> [C*H*W, 1, 1]`. */
export function flatten(options: Named = {}): FlattenSpec {
  checkOptions('flatten', options, []);
  return { type: 'flatten', ...options };
}

/** In training, each value is zero with probability `p` in [0, 1), else scaled by 1 / (1 - p). @throws {ConfigError} */
export function dropout(options: { p: number } & Named): DropoutSpec {
  checkOptions('dropout', options, ['p']);
  checkNumber('dropout.p', options.p, { min: 0, below: 1 });
  return { type: 'dropout', ...options };
}

/**
 * `(x - mean) / std` per channel: normalisation inside the model, so that epsilon keeps its meaning in
 * pixels. @throws {ConfigError}
 */
export function normalize(options: { mean: number[]; std: number[] } & Named): NormalizeSpec {
  checkOptions('normalize', options, ['mean', 'std']);
  for (const value of options.mean) checkNumber('normalize.mean', value);
  for (const value of options.std) checkNumber('normalize.std', value, { above: 0 });
  return { type: 'normalize', ...options };
}

function checkModules(argument: string, modules: unknown): void {
  if (!Array.isArray(modules))
    throw new ConfigError(`${argument}: expected an array of layers, got ${describe(modules)}`);
  for (const [i, module] of modules.entries()) {
    if (typeof module !== 'object' || module === null || typeof module.type !== 'string') {
      throw new ConfigError(`${argument}[${i}]: expected a layer made by nn.*, got ${describe(module)}`);
    }
  }
}

/** Layers one after another; with `input: [C, H, W]` it is a whole model. @throws {ConfigError} */
export function sequential(layers: ModuleSpec[], options: { input: [number, number, number] } & Named): ModelSpec;
export function sequential(layers: ModuleSpec[], options?: Named): SequentialSpec;
export function sequential(
  layers: ModuleSpec[],
  options: Partial<Pick<ModelSpec, 'input'>> & Named = {},
): SequentialSpec {
  checkModules('sequential', layers);
  checkKeys('sequential', options, ['input', 'name']);
  return { type: 'sequential', layers, ...options };
}

/** `main(x) + shortcut(x)`; without `shortcut`, `main(x) + x`. @throws {ConfigError} */
export function residual(options: { main: ModuleSpec[]; shortcut?: ModuleSpec[] } & Named): ResidualSpec {
  checkOptions('residual', options, ['main', 'shortcut']);
  const { main, shortcut = [], name } = options;
  checkModules('residual.main', main);
  checkModules('residual.shortcut', shortcut);
  return { type: 'residual', main, shortcut, ...(name !== undefined && { name }) };
}
