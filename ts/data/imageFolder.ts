/** Images in folders, one a class: `root/<class>/<any name>.png`, `.jpg` or `.jpeg`, as torchvision's `ImageFolder` has them. */
import { platform } from '#platform';
import { checkChoice, checkInteger, checkKeys } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { describe, shapeText } from '../base/tensor.js';
import { allocate, Dataset } from './dataset.js';
import { decodeImage, imageEndings, type Picture } from './decodeImage.js';
import { resized } from './resize.js';
import { join } from './source.js';
import { checkStream } from './splitOptions.js';
import { StreamedDataset } from './stream.js';

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** The folder of the classes' folders (Node), or `opfs:` and a path. */
  dir: string | URL;
  /** 3 by default: grey images get the same values three times. 1 makes coloured ones grey. Transparency is left out. */
  channels?: 1 | 3;
  /** `[height, width]` that images of another size get, by bilinear interpolation. Without it they all must have the same size. */
  size?: [number, number];
  /** What to call the dataset; its folder's path when left out. */
  name?: string;
  /** Decodes images as they are needed; false by default. */
  stream?: boolean;
}

/** See `imageFolder` in index.ts. */
export function imageFolder(options: ImageFolderOptions & { stream: true }): Promise<StreamedDataset>;
export function imageFolder(options: ImageFolderOptions & { stream?: false }): Promise<Dataset>;
export async function imageFolder(options: ImageFolderOptions): Promise<Dataset | StreamedDataset> {
  checkKeys('imageFolder', options, ['dir', 'channels', 'size', 'name', 'stream']);
  const { dir, channels = 3, size, stream } = options;
  checkPath('dir', dir);
  checkChoice('channels', String(channels), ['1', '3']);
  if (size !== undefined) checkSize(size);
  checkStream(stream);
  const { files, classNames } = await findImages(dir);
  const first = await readImage(files[0].path, channels, size);
  const shape: [number, number, number] = [channels, first.height, first.width];
  const read = async (numbers: ArrayLike<number>) => {
    const images = new Uint8Array(allocate(numbers.length * first.pixels.length));
    for (let i = 0; i < numbers.length; i++) {
      const { path } = files[numbers[i]];
      const picture = await readImage(path, channels, size);
      if (picture.height !== first.height || picture.width !== first.width) {
        throw new DataError(
          `${path}: expected ${sizeText(first)}, as ${files[0].path} has, found ${sizeText(picture)}; ` +
            'size: [height, width] brings images to one size',
        );
      }
      images.set(picture.pixels, i * first.pixels.length);
    }
    return { images, labels: Int32Array.from(numbers, (number) => files[number].label) };
  };
  const fields = { name: options.name ?? String(dir), shape, classes: classNames.length, classNames };
  if (stream) return new StreamedDataset({ ...fields, length: files.length, source: { read } });
  return new Dataset({ ...fields, ...(await read(Uint32Array.from(files.keys()))) });
}

function checkSize(size: unknown): void {
  if (!Array.isArray(size) || size.length !== 2) {
    throw new ConfigError(
      `size: expected [height, width], got ${Array.isArray(size) ? shapeText(size) : describe(size)}`,
    );
  }
  for (const extent of size) checkInteger('size', extent, { min: 1 });
}

const sizeText = ({ height, width }: Picture): string => `${height} x ${width} pixels`;

interface ImageFile {
  path: string;
  label: number;
}

async function findImages(dir: string | URL): Promise<{ files: ImageFile[]; classNames: string[] }> {
  const entries = await platform.listFolder(dir);
  if (entries === undefined) throw new DataError(`dir: expected a folder, found none at ${dir}`);
  const files: ImageFile[] = [];
  const classNames: string[] = [];
  for (const { name, folder } of entries) {
    if (!folder || name.startsWith('.')) continue;
    const paths = await imagesIn(join(dir, name));
    files.push(...paths.map((path) => ({ path, label: classNames.length })));
    if (paths.length > 0) classNames.push(name);
  }
  if (classNames.length < 2) {
    throw new DataError(
      `dir: expected at least two folders with images (${imageEndings.join(', ')}) in ${dir}, one a class, ` +
        `found ${classNames.join(', ') || 'none'}`,
    );
  }
  return { files, classNames };
}

/** Paths of all images in a folder and those in it. */
async function imagesIn(folder: string | URL): Promise<string[]> {
  const paths: string[] = [];
  for (const { name, folder: isFolder } of (await platform.listFolder(folder)) ?? []) {
    const path = join(folder, name);
    if (isFolder) paths.push(...(await imagesIn(path)));
    else if (imageEndings.some((ending) => name.toLowerCase().endsWith(ending))) paths.push(String(path));
  }
  return paths;
}

async function readImage(path: string, channels: 1 | 3, size: [number, number] | undefined): Promise<Picture> {
  const bytes = await platform.readFile(path);
  if (bytes === undefined) throw new DataError(`${path}: expected the file, which was there before, found none`);
  const picture = await decodeImage(path, bytes, channels);
  return size === undefined || (picture.height === size[0] && picture.width === size[1])
    ? picture
    : resized(picture, size);
}
