/** `kwta data`: what a folder of images holds: counts, classes, values, duplicates, and what it looks like. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Dataset } from '../index.js';
import { percent } from '../report/format.js';
import { contactSheet } from './contactSheet.js';
import { readSplits, type Split } from './dataFolder.js';
import { addJsonOption, integer, outputFile } from './options.js';
import { formatJson, writeBytes, writeText } from './output.js';

interface Flags {
  sheet?: string;
  images: number;
  json?: string;
}

export function addDataCommand(program: Command): void {
  const command = program
    .command('data')
    .summary('what a folder of images holds, and a sheet of what they look like')
    .description(
      'Shows the splits of the dataset in a folder: images, shapes, how many of each class, the range, mean and standard ' +
        'deviation of each channel, and images that are in both training and test data.',
    )
    .argument('<dir>', 'folder of a dataset, as --data of the other commands takes it')
    .addOption(
      new Option('--sheet <file>', 'draw images of each class: a .png, or an .html page with their names').argParser(
        sheetFile,
      ),
    )
    .addOption(new Option('--images <n>', 'how many of each class on the sheet').argParser(integer(1)).default(8));
  addJsonOption(command, 'write the same as JSON').action(describeFolder);
}

function sheetFile(path: string): string {
  if (!/\.(png|html?)$/i.test(path)) throw new InvalidArgumentError('expected a file that ends in .png or .html.');
  return outputFile(path);
}

async function describeFolder(dir: string, { sheet, images, json }: Flags): Promise<void> {
  const found = await readSplits(dir);
  const parts = Object.fromEntries(found.map(([split, data]) => [split, describeSplit(data)]));
  const duplicates = duplicatesOf(new Map(found));
  for (const [split, data] of found) console.log(splitText(split, data, parts[split]));
  if (duplicates !== undefined) {
    console.log(`${duplicates} of the test images are in the training data, too, to the last bit`);
  }
  if (json !== undefined) await writeText(json, formatJson({ splits: parts, duplicates }));
  if (sheet === undefined) return;
  const page = contactSheet(
    found.map(([split, data]) => ({ title: `${data.name} (${split})`, data })),
    images,
  );
  if (/\.png$/i.test(sheet)) await writeBytes(sheet, page.png());
  else await writeText(sheet, page.html());
  console.log(`Sheet: ${sheet}`);
}

/** What is told of a split. */
export interface SplitFigures {
  name: string;
  images: number;
  /** `[C, H, W]` */
  shape: readonly number[];
  /** Images of each class. */
  classes: { name: string; images: number }[];
  /** Pixels, from 0 to 1, of each channel. */
  channels: { min: number; max: number; mean: number; deviation: number }[];
}

function describeSplit(data: Dataset): SplitFigures {
  const counts = new Array<number>(data.classes).fill(0);
  for (const label of data.labels) counts[label]++;
  return {
    name: data.name,
    images: data.length,
    shape: data.shape,
    classes: counts.map((images, i) => ({ name: data.classNames?.[i] ?? String(i), images })),
    channels: channelFigures(data),
  };
}

function channelFigures({ shape: [channels, height, width], images, length }: Dataset): SplitFigures['channels'] {
  const area = height * width;
  const unit = images.BYTES_PER_ELEMENT === 1 ? 255 : 1;
  return Array.from({ length: channels }, (_, c) => {
    let [min, max, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (let sample = 0; sample < length; sample++) {
      const from = (sample * channels + c) * area;
      for (let i = from; i < from + area; i++) {
        const value = images[i];
        if (value < min) min = value;
        if (value > max) max = value;
        sum += value;
        squares += value * value;
      }
    }
    const mean = sum / (length * area);
    const variance = Math.max(0, squares / (length * area) - mean * mean);
    return { min: min / unit, max: max / unit, mean: mean / unit, deviation: Math.sqrt(variance) / unit };
  });
}

/** Test images that are in the training data; `undefined` without both, or where pixels are of another kind. */
function duplicatesOf(found: ReadonlyMap<Split, Dataset>): number | undefined {
  const [train, test] = [found.get('train'), found.get('test')];
  if (train === undefined || test === undefined || train.images.BYTES_PER_ELEMENT !== test.images.BYTES_PER_ELEMENT) {
    return undefined;
  }
  const known = new Set(keysOf(train));
  return keysOf(test).filter((key) => known.has(key)).length;
}

/** One text for each image, with all of its bytes in it. */
function keysOf({ images, length, shape }: Dataset): string[] {
  const size = (images.BYTES_PER_ELEMENT * images.length) / length;
  const bytes = Buffer.from(images.buffer, images.byteOffset, images.byteLength);
  const form = shape.join('x');
  return Array.from({ length }, (_, i) => form + bytes.toString('latin1', i * size, (i + 1) * size));
}

function splitText(split: Split, { name }: Dataset, { images, shape, classes, channels }: SplitFigures): string {
  const number = (value: number): string => value.toFixed(4);
  const most = Math.max(...classes.map((each) => each.images));
  const width = Math.max(...classes.map((each) => each.name.length));
  const bar = (count: number): string => '█'.repeat(Math.round((20 * count) / most));
  return [
    `${split}: ${name}: ${images} images [${shape.join(', ')}], ${classes.length} classes`,
    ...classes.map(
      (each) =>
        `  ${each.name.padEnd(width)} ${String(each.images).padStart(7)} ${percent(each.images / images).padStart(7)}  ${bar(each.images)}`,
    ),
    ...channels.map(
      ({ min, max, mean, deviation }, c) =>
        `  channel ${c}: ${number(min)} to ${number(max)}, mean ${number(mean)}, standard deviation ${number(deviation)}`,
    ),
    '',
  ].join('\n');
}
