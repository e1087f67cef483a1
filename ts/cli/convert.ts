/** `kwta convert`: weights and models from one kind of file to another. */
import { type Command, InvalidArgumentError } from 'commander';
import { nn } from '../index.js';
import { encodeModel } from '../io/checkpoint.js';
import { encodeNpz } from '../io/npz.js';
import { encodeOnnx } from '../io/onnx/encode.js';
import { encodeSafetensors } from '../io/safetensors.js';
import { adversarialNpz, holdsAdversarials, readAdversarialSets, writePictures } from './adversarialSet.js';
import { outputFile, UsageError } from './options.js';
import { writeBytes } from './output.js';
import {
  addWeightOptions,
  allFlags,
  readWeightFile,
  refuse,
  type WeightFile,
  type WeightFlags,
  weightText,
} from './weightModel.js';

/** What can be written, by the ending of its name. */
const writers: Record<string, (file: WeightFile, from: string) => Promise<Uint8Array>> = {
  safetensors: async ({ spec, tensors, notes }, from) =>
    spec === undefined
      ? encodeSafetensors({ tensors, metadata: { format: 'pt' } })
      : encodeModel(spec, tensors, { about: { convertedFrom: from, ...(notes.length > 0 && { notes }) } }),
  onnx({ spec, tensors }) {
    if (spec === undefined)
      throw new UsageError('out: expected a model for .onnx, got weights alone: give --activation, --model or --spec');
    return encodeOnnx(spec, tensors);
  },
  npz: ({ tensors }) => encodeNpz('convert', tensors),
};

export function addConvertCommand(program: Command): void {
  const command = program
    .command('convert')
    .summary('weights of PyTorch and others to a model, and back')
    .description(
      'Reads weights from .pth and .pt of PyTorch, .safetensors (or the .index.json of several) and .npz, and networks from .onnx; ' +
        'writes .safetensors or .npz, which PyTorch and NumPy read by name, and .onnx. Where the model is known (by --activation for the ready-made ones, else ' +
        'by --model or --spec), the .safetensors is a model that all commands and runtime.load take. Nothing in a file is run.',
    )
    .argument('<in>', 'file to read')
    .argument('<out>', `file to write: ${endings()}; for adversarial images also a folder, for pictures`, target);
  addWeightOptions(command)
    .option('--report <file>', 'with adversarial images: the report beside them, for their labels')
    .action(convert);
}

function endings(): string {
  return Object.keys(writers)
    .map((ending) => `.${ending}`)
    .join(', ');
}

function target(path: string): string {
  // A folder.
  if (endingOf(path) === '') return path;
  if (!Object.hasOwn(writers, endingOf(path)))
    throw new InvalidArgumentError(`expected a file that ends in ${endings()}.`);
  return outputFile(path);
}

function endingOf(path: string): string {
  return /\.([^./\\]+)$/.exec(path)?.[1] ?? '';
}

async function convert(
  from: string,
  to: string,
  { report, ...flags }: WeightFlags & { report?: string },
): Promise<void> {
  if (await holdsAdversarials(from)) {
    refuse(allFlags, flags, 'adversarial images');
    await convertAdversarials(from, to, report);
    return;
  }
  if (report !== undefined)
    throw new UsageError(`--report: expected none with ${from}, which holds no adversarial images`);
  if (endingOf(to) === '') throw new UsageError('out: expected a folder for adversarial images alone');
  const file = await readWeightFile('in', from, flags);
  const bytes = await writers[endingOf(to)](file, from);
  await writeBytes(to, bytes);
  console.log(weightText(file));
  console.log(`written      ${to}${file.spec === undefined ? ', weights alone' : ''}`);
  if (
    file.spec !== undefined &&
    file.own === undefined &&
    !nn.summary(file.spec).some(({ type }) => type === 'normalize')
  ) {
    console.log(
      'pixels       taken as they are, from 0 to 1: --mean and --std are for weights trained on normalised ones',
    );
  }
}

async function convertAdversarials(from: string, to: string, report: string | undefined): Promise<void> {
  const sets = await readAdversarialSets(from, report);
  if (endingOf(to) === '') {
    console.log(`written      ${await writePictures(to, sets)} pictures in ${to}, of 256 levels`);
    return;
  }
  if (endingOf(to) !== 'npz') throw new UsageError('out: expected .npz or a folder for adversarial images');
  await writeBytes(to, await adversarialNpz(sets));
  console.log(`written      ${to}`);
}
