/** Files of weights on the command line: which model they are of, by flags, by their own description or by their names. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parse, variant } from '../base/schema.js';
import { modelSchema } from '../graph/containers.js';
import { importOnnx, KwtaError, type ModelSpec, type Tensor } from '../index.js';
import { describesModel, type ModelFile, modelOf } from '../io/checkpoint.js';
import { matchWeights } from '../io/matching.js';
import { type Identified, identify } from '../io/models.js';
import { readWeights } from '../io/weights.js';
import type { Activation } from '../nn/models/index.js';
import { zooDescriptors, zooModel } from '../nn/models/zoo.js';
import { normalized } from '../nn/normalized.js';
import { count } from '../report/format.js';
import { integer, UsageError } from './options.js';
import { flagAt, readConfigFile } from './train/settings.js';

/** Options that describe the model of weights. */
export interface WeightFlags {
  model?: string;
  spec?: string;
  activation?: string;
  input?: [number, number, number];
  classes?: number;
  mean?: number[];
  std?: number[];
}

/** All of them. */
export const allFlags = ['activation', 'model', 'spec', 'classes', 'input', 'mean', 'std'] as const;

/** What is known of a file. */
export interface WeightFile {
  /** In words. */
  format: string;
  /** Under the names that the model gives them, if that is known. */
  tensors: Record<string, Tensor>;
  /** What was changed and passed over. */
  notes: string[];
  /** Of the ready-made model that the names tell. */
  identified?: Identified['model'];
  /** What the file, flags, or names together with flags say. */
  spec?: ModelSpec;
  /** What a file says that describes its model itself. */
  own?: ModelFile;
}

/** Adds the options that say what the model is. */
export function addWeightOptions(command: Command): Command {
  return command
    .addOption(new Option('--activation <name>', 'of the model that the names tell, such as relu or kwta:0.1'))
    .addOption(new Option('--model <name>', 'the ready-made model, where its names do not tell it: resNet18:width=32'))
    .addOption(new Option('--spec <file>', 'or its layers, as nn.sequential gives them, as JSON or YAML'))
    .addOption(new Option('--input <C,H,W>', 'extents of an image').argParser(extents))
    .addOption(new Option('--classes <n>', 'with --model').argParser(integer(2)))
    .addOption(
      new Option('--mean <list>', 'what training subtracted from each channel of pixels from 0 to 1').argParser(
        numbers,
      ),
    )
    .addOption(new Option('--std <list>', 'and what it divided by').argParser(numbers));
}

function numbers(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!values.every(Number.isFinite)) throw new InvalidArgumentError('expected numbers with commas between them.');
  return values;
}

function extents(text: string): [number, number, number] {
  const [c, h, w, ...more] = numbers(text);
  if (w === undefined || more.length > 0) throw new InvalidArgumentError('expected three numbers, such as 3,32,32.');
  return [c, h, w];
}

/** Reads a file with what flags say of it. @throws {UsageError} naming `option`, when it cannot be read or does not fit. */
export async function readWeightFile(option: string, path: string, flags: WeightFlags): Promise<WeightFile> {
  try {
    return await read(option, path, flags);
  } catch (error) {
    if (error instanceof KwtaError)
      throw new UsageError(error.message.startsWith(option) ? error.message : `${option}: ${error.message}`);
    throw error;
  }
}

async function read(option: string, path: string, flags: WeightFlags): Promise<WeightFile> {
  if (/\.onnx$/i.test(path)) {
    refuse(
      allFlags.filter((flag) => flag !== 'input'),
      flags,
      `${path}, which describes its model`,
    );
    const { spec, stateDict } = await importOnnx(path, { input: flags.input });
    return { format: 'a network of ONNX', tensors: stateDict, notes: [], spec };
  }
  const weights = await readWeights(option, path);
  const { format, notes } = weights;
  if ((flags.mean === undefined) !== (flags.std === undefined)) {
    throw new UsageError('--mean and --std: expected both or neither, got one');
  }
  if (describesModel(weights.metadata)) {
    refuse(allFlags, flags, `${path}, which describes its model`);
    const own = modelOf(path, weights);
    const { stateDict } = matchWeights(path, own.stateDict, own.spec);
    return { format: 'a model of kwta', tensors: stateDict, notes, spec: own.spec, own };
  }
  const found = identify(weights.tensors);
  const told = found.normalization && [
    `normalised by mean ${found.normalization.mean.join(', ')} and deviation ${found.normalization.std.join(', ')}`,
  ];
  const common = { format, identified: found.model };
  const spec = await specOf(flags, found);
  if (spec === undefined) {
    const known = found.model === undefined ? weights.tensors : found.tensors;
    const own = found.model === undefined ? [] : [...found.notes, ...(told ?? [])];
    return { ...common, tensors: known, notes: [...notes, ...own] };
  }
  const { mean, std } = flags;
  const own = mean !== undefined && std !== undefined ? { mean, std } : found.normalization;
  const whole = own === undefined ? spec : normalized(spec, own);
  const matched = matchWeights(path, weights.tensors, whole);
  return { ...common, tensors: matched.stateDict, notes: [...notes, ...matched.notes], spec: whole };
}

/** @throws {UsageError} when one of these was given, which `because` leaves no room for. */
export function refuse(keys: readonly (keyof WeightFlags)[], flags: WeightFlags, because: string): void {
  const given = keys.find((key) => flags[key] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given}: expected none with ${because}`);
}

/** The description that flags give, or names together with an activation. */
async function specOf(flags: WeightFlags, { model: found }: Identified): Promise<ModelSpec | undefined> {
  const { model, spec, activation, input, classes } = flags;
  if (spec !== undefined) {
    refuse(['model', 'activation', 'input', 'classes'], flags, '--spec');
    return parse(modelSchema, (await readConfigFile('--spec', spec)).config, '--spec');
  }
  const chosen =
    activation === undefined ? undefined : (flagAt('--activation', 'model.activation', activation).value as Activation);
  if (model !== undefined) {
    const named = flagAt('--model', 'model', model).value as object;
    const zoo = parse(zooSchema, { ...named, ...(chosen && { activation: chosen }) }, '--model');
    const images = { classes: classes ?? found?.classes, input: input ?? found?.input };
    return zooModel(zoo, images);
  }
  if (chosen === undefined) return undefined;
  if (found === undefined) {
    throw new UsageError('--activation: expected weights of a ready-made model, got others: give --model or --spec');
  }
  if (classes !== undefined) throw new UsageError('--classes: expected none, as the weights tell them');
  return found.withActivation(chosen, input);
}

const zooSchema = variant(zooDescriptors, 'a ready-made model');

/** `ResNet-18, ...; activation unknown: give --activation kwta:0.1` */
function modelLine({ identified, spec }: WeightFile): string {
  if (identified === undefined) {
    return spec === undefined ? 'unknown: give --model or --spec' : `described, images of ${spec.input.join(' x ')}`;
  }
  const { text, input, knowsInput } = identified;
  if (spec !== undefined) return `${text}, images of ${spec.input.join(' x ')}`;
  const images = knowsInput ? '' : `; images of ${input.join(' x ')} assumed: --input gives others`;
  return `${text}; activation unknown: give --activation kwta:0.1${images}`;
}

/** What a file of weights holds. */
export function weightText(file: WeightFile): string {
  const values = Object.values(file.tensors).reduce((sum, { data }) => sum + data.length, 0);
  const lines = [
    ['weights', `${file.format}: ${count(Object.keys(file.tensors).length)} tensors, ${count(values)} values`],
    ...file.notes.map((note) => ['', note]),
    ['model', modelLine(file)],
  ];
  return lines.map(([name, text]) => `${name.padEnd(13)}${text}`).join('\n');
}

/** The same as data. */
export function weightInfo({ format, notes, tensors, identified }: WeightFile) {
  const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
  const model = identified && { text: identified.text, classes: identified.classes, input: identified.input };
  return { format, notes, model, tensors: Object.fromEntries(shapes) };
}
