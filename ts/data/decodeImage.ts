/** PNG and JPEG files as pixels, decoded by packages that whoever reads image folders installs. */
import { DataError } from '../base/errors.js';
import { notInstalled } from '../base/installed.js';

/** An image, channels first, as bytes. */
export interface Picture {
  channels: number;
  height: number;
  width: number;
  pixels: Uint8Array;
}

/** Endings of the files that can be read. */
export const imageEndings = ['.png', '.jpg', '.jpeg'];

/**
 * @param channels 1 makes it grey, 3 coloured; transparency is left out.
 * @throws {DataError} naming the file when it is damaged; {ConfigError} naming the package that is missing.
 */
export async function decodeImage(name: string, bytes: Uint8Array, channels: 1 | 3): Promise<Picture> {
  const isPng = /\.png$/i.test(name);
  const decode = isPng ? await pngDecoder() : await jpegDecoder();
  try {
    return inChannels(decode(bytes), channels);
  } catch (cause) {
    const what = isPng ? 'PNG' : 'JPEG';
    throw new DataError(`${name}: expected a ${what} image: ${(cause as Error).message}`, { cause });
  }
}

/** Bytes, channels last. */
interface Decoded {
  width: number;
  height: number;
  channels: number;
  data: Uint8Array;
}

type Decode = (bytes: Uint8Array) => Decoded;

async function loadPng(): Promise<typeof import('fast-png')> {
  try {
    return await import('fast-png');
  } catch (cause) {
    throw notInstalled('imageFolder', 'fast-png', 'decodes the images', cause);
  }
}

async function loadJpeg(): Promise<typeof import('jpeg-js')> {
  try {
    return await import('jpeg-js');
  } catch (cause) {
    throw notInstalled('imageFolder', 'jpeg-js', 'decodes the images', cause);
  }
}

async function pngDecoder(): Promise<Decode> {
  const { convertIndexedToRgb, decode } = await loadPng();
  return (bytes) => {
    const image = decode(bytes, { checkCrc: true });
    const { width, height, depth } = image;
    if (image.palette) {
      const data = Uint8Array.from(convertIndexedToRgb(image));
      return { width, height, channels: data.length / (width * height), data };
    }
    return { width, height, channels: image.channels, data: eightBits(image.data, width, image.channels, depth) };
  };
}

/** Values of other depths on the scale of bytes. */
function eightBits(data: ArrayLike<number>, width: number, channels: number, depth: number): Uint8Array {
  if (depth === 8) return Uint8Array.from(data);
  if (depth === 16) return Uint8Array.from(data, (value) => value >>> 8);
  // Below eight bits there is one channel, and rows begin with a byte of their own.
  const row = Math.ceil((width * channels * depth) / 8);
  const most = 2 ** depth - 1;
  return Uint8Array.from({ length: (data.length / row) * width }, (_, i) => {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * row + (bit >> 3)];
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most;
  });
}

async function jpegDecoder(): Promise<Decode> {
  const module = await loadJpeg();
  return (bytes) => {
    const { width, height, data } = module.decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
    });
    return { width, height, channels: 3, data };
  };
}

function inChannels({ width, height, channels: from, data }: Decoded, channels: 1 | 3): Picture {
  const area = width * height;
  if (data.length !== area * from) throw new Error(`expected ${area * from} values, found ${data.length}`);
  const pixels = new Uint8Array(channels * area);
  const isGrey = from < 3;
  for (let i = 0; i < area; i++) {
    const at = i * from;
    if (channels === 1) pixels[i] = isGrey ? data[at] : grey(data[at], data[at + 1], data[at + 2]);
    else for (let c = 0; c < 3; c++) pixels[c * area + i] = data[isGrey ? at : at + c];
  }
  return { channels, height, width, pixels };
}

/** The brightness of ITU-R 601, in the whole numbers that Pillow computes it with. */
function grey(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >>> 16;
}
