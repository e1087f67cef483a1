// Corrupted files: bits flipped, bytes cut out and put in, headers edited. Whatever comes of it, the package refuses the
// file by an error of its own, or reads what the file says; it does not crash, hang, or give other values.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Random } from '../../dist/base/random.js';
import { datasets } from '../../dist/index.js';
import { decodeSafetensors, encodeSafetensors } from '../../dist/io/safetensors.js';
import { hostileFiles, torchSubjects } from './hostilePickles.mjs';
import { REFUSALS, SavedModels, Wrong } from './savedModels.mjs';

/**
 * A valid file and how it is read.
 * @typedef {object} Subject
 * @property {string} name
 * @property {number} weight how often it is chosen, beside the others
 * @property {Uint8Array} bytes
 * @property {(random: Random) => number} headerPlace a byte that says something about the others
 * @property {(bytes: Uint8Array) => Promise<void> | void} read throws a {@link Wrong} when the result is not what the file says
 */

/**
 * A file that is to be read.
 * @typedef {object} Made
 * @property {string} name
 * @property {string[]} changes what was done to it
 * @property {() => Promise<void> | void} read as {@link Subject} says
 */

/** Milliseconds after which a file counts as one that is never read. */
const PATIENCE = 20_000;

/** What may be read: files of datasets and models, checkpoints alone, or files of PyTorch alone. */
export const KINDS = /** @type {const} */ (['files', 'checkpoints', 'pickles']);

/**
 * Reads `count` corrupted files of a kind; of pickles a half was made to do harm, and has to be refused.
 * @param {{ count: number, seed: number, kind?: typeof KINDS[number], onDone?: (done: number) => void }} options
 * @returns {Promise<{ refused: number, read: number, problems: string[] }>} one problem a line, with what reproduces it
 */
export async function readCorrupted({ count, seed, kind = 'files', onDone }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'kwta-corrupt-'));
  const models = new SavedModels(folder);
  const result = { refused: 0, read: 0, problems: /** @type {string[]} */ ([]) };
  try {
    const subjects = {
      files: async () => [...safetensors(), ...idx(), cifar(folder), await models.model()],
      checkpoints: async () => [await models.checkpoint()],
      pickles: () => torchSubjects(folder),
    };
    const hostile = hostileFiles(folder);
    const wheel = (await subjects[kind]()).flatMap((subject) => Array(subject.weight).fill(subject));
    for (let i = 0; i < count; i++) {
      const random = new Random(seed, i);
      const subject = /** @type {Subject} */ (wheel[random.integer(wheel.length)]);
      const mayBeRead = kind !== 'pickles' || i % 2 === 0;
      const { name, changes, read } = mayBeRead ? corrupted(subject, random) : hostile(random);
      try {
        await inTime(read());
        if (!mayBeRead) throw new Wrong('it was read');
        result.read++;
      } catch (error) {
        const { name: type, message } = /** @type {Error} */ (error);
        if (REFUSALS.includes(type)) result.refused++;
        else result.problems.push(`seed ${seed}, file ${i}, ${name}, ${changes.join(', ')}: ${type}: ${message}`);
      }
      onDone?.(i + 1);
    }
    return result;
  } finally {
    await models.dispose();
    rmSync(folder, { recursive: true });
  }
}

/** @param {Promise<void> | void} work */
async function inTime(work) {
  const timer = new AbortController();
  const late = setTimeout(PATIENCE, undefined, { signal: timer.signal }).then(() => {
    throw new Wrong(`not read within ${PATIENCE / 1000} s`);
  });
  late.catch(() => {});
  try {
    await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

/** Bytes that mean something in a JSON header or as a number. */
const TELLING = [...Array.from('0123456789-.eE"{}[]:,', (letter) => letter.charCodeAt(0)), 0, 1, 127, 128, 255];

/**
 * One change of a file, now and then three.
 * @param {Subject} subject
 * @param {Random} random
 * @returns {Made}
 */
function corrupted(subject, random) {
  /** @type {Uint8Array} */
  let bytes = Uint8Array.from(subject.bytes);
  const changes = [];
  for (let left = random.integer(4) === 0 ? 3 : 1; left > 0; left--) {
    const inHeader = random.integer(2) === 0;
    const at = inHeader ? subject.headerPlace(random) : random.integer(bytes.length);
    const length = 1 + random.integer(random.integer(2) === 0 ? 4 : 600);
    const kinds = {
      flip: () => flip(bytes, at, random),
      set: () => bytes.fill(TELLING[random.integer(TELLING.length)], at, at + 1),
      truncate: () => bytes.slice(0, at),
      cut: () => joined(bytes.subarray(0, at), bytes.subarray(at + length)),
      insert: () => joined(bytes.subarray(0, at), noise(length, random), bytes.subarray(at)),
      zeros: () => joined(bytes.subarray(0, at), new Uint8Array(length), bytes.subarray(at)),
      twice: () => joined(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)),
      append: () => joined(bytes, noise(length, random)),
    };
    // Changes that keep the length come more often: they get further.
    const name = /** @type {const} */ ([
      'flip',
      'flip',
      'flip',
      'set',
      'set',
      'set',
      'truncate',
      'cut',
      'insert',
      'zeros',
      'twice',
      'append',
    ])[random.integer(12)];
    bytes = kinds[name]();
    changes.push(`${name} at ${at}`);
    if (bytes.length === 0) break;
  }
  return { name: subject.name, changes, read: () => subject.read(bytes) };
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {Random} random
 */
function flip(bytes, at, random) {
  if (at < bytes.length) bytes[at] ^= 1 << random.integer(8);
  return bytes;
}

/**
 * @param {number} length
 * @param {Random} random
 */
function noise(length, random) {
  return Uint8Array.from({ length }, () => random.integer(256));
}

/** @param {Uint8Array[]} parts */
function joined(...parts) {
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * Any of the first `length` bytes.
 * @param {number} length
 * @returns {(random: Random) => number}
 */
const first = (length) => (random) => random.integer(length);

/** @returns {Subject[]} */
function safetensors() {
  const random = new Random(0, 2 ** 40);
  const tensors = Object.fromEntries(
    [[3, 4], [], [0], [7]].map((shape, i) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [`layer${i}.weight`, { shape, data: Float32Array.from({ length }, () => random.normal()) }];
    }),
  );
  const bytes = encodeSafetensors({ tensors, metadata: { note: 'a "note"' } });
  return [
    {
      name: 'safetensors',
      weight: 8,
      bytes,
      headerPlace: first(headerEnd(bytes)),
      read: (file) => {
        const content = decodeSafetensors('file', file);
        const from = headerEnd(file);
        const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, from)));
        same('metadata', content.metadata, __metadata__ ?? {});
        same('names', Object.keys(content.tensors), Object.keys(entries));
        for (const [name, { shape, data }] of Object.entries(content.tensors)) {
          same(`shape of ${name}`, shape, entries[name].shape);
          same(`values of ${name}`, Array.from(data), valuesOf(file.subarray(from), entries[name]));
        }
      },
    },
  ];
}

/** @param {Uint8Array} file */
function headerEnd(file) {
  return 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
}

/** How a `DataView` reads one value; half precision is not among the subjects. */
const GETTERS = /** @type {const} */ ({
  F32: ['getFloat32', 4],
  F64: ['getFloat64', 8],
  I64: ['getBigInt64', 8],
  U64: ['getBigUint64', 8],
  I32: ['getInt32', 4],
  U32: ['getUint32', 4],
  I16: ['getInt16', 2],
  U16: ['getUint16', 2],
});

/**
 * The values of a tensor, one by one.
 * @param {Uint8Array} values
 * @param {{ dtype: string, shape: number[], data_offsets: number[] }} entry
 */
function valuesOf(values, { dtype, data_offsets: [from, to] }) {
  if (!(dtype in GETTERS)) throw new Wrong(`a subject has the type ${dtype}, which this check does not read`);
  const [getter, width] = GETTERS[/** @type {keyof typeof GETTERS} */ (dtype)];
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  // As numbers: typed arrays with NaN in them are equal to none.
  return Array.from({ length: (to - from) / width }, (_, i) =>
    Math.fround(Number(view[getter](from + i * width, true))),
  );
}

/**
 * @param {string} what
 * @param {unknown} got
 * @param {unknown} expected
 */
function same(what, got, expected) {
  if (!isDeepStrictEqual(got, expected)) throw new Wrong(`${what} are not what the file says`);
}

/** @returns {Subject[]} */
function idx() {
  const images = idxFile([20, 9, 7]);
  const labels = idxFile([20], 10);
  /**
   * @param {string} name
   * @param {Uint8Array} bytes
   * @param {(bytes: Uint8Array) => { images: Uint8Array, labels: Uint8Array }} pair
   * @returns {Subject}
   */
  const subject = (name, bytes, pair) => ({
    name,
    weight: 3,
    bytes,
    headerPlace: first(16),
    read: async (corrupted) => {
      const files = pair(corrupted);
      const data = await datasets.idx(files);
      const [imageBytes, labelBytes] = [files.images, files.labels].map(unzipped);
      same('images', Buffer.from(data.images), imageBytes.subarray(16));
      same('labels', Buffer.from(Uint8Array.from(data.labels)), labelBytes.subarray(8));
      const header = imageBytes.subarray(4, 16);
      same(
        'extents',
        [data.length, ...data.shape.slice(1)],
        [0, 4, 8].map((at) => header.readUInt32BE(at)),
      );
    },
  });
  return [
    subject('IDX images', images, (bytes) => ({ images: bytes, labels })),
    subject('IDX labels', labels, (bytes) => ({ images, labels: bytes })),
    subject('IDX images, gzipped', gzipSync(images), (bytes) => ({ images: bytes, labels })),
    subject(
      'IDX labels, gzipped in parts',
      joined(gzipSync(labels.subarray(0, 5)), gzipSync(labels.subarray(5))),
      (bytes) => ({
        images,
        labels: bytes,
      }),
    ),
  ];
}

/** @param {Uint8Array} bytes */
function unzipped(bytes) {
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : Buffer.from(bytes);
}

/**
 * @param {number[]} shape
 * @param {number} below values are smaller
 */
function idxFile(shape, below = 256) {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  for (const [i, extent] of shape.entries()) header.writeUInt32BE(extent, 4 + 4 * i);
  const length = shape.reduce((a, b) => a * b, 1);
  return joined(
    header,
    Uint8Array.from({ length }, (_, i) => (i * 37) % below),
  );
}

const RECORD = 3073;

/**
 * @param {string} folder
 * @returns {Subject}
 */
function cifar(folder) {
  const file = path.join(folder, 'test_batch.bin');
  const bytes = Uint8Array.from({ length: 10_000 * RECORD }, (_, i) =>
    i % RECORD === 0 ? (i / RECORD) % 10 : i % 256,
  );
  return {
    name: 'CIFAR-10',
    // It is large: each takes a tenth of a second.
    weight: 1,
    bytes,
    headerPlace: (random) => RECORD * random.integer(10_000),
    read: async (corrupted) => {
      writeFileSync(file, corrupted);
      const { images, labels, length } = await datasets.cifar10({ dir: folder, split: 'test' });
      same('number of images', length * RECORD, corrupted.length);
      for (let i = 0; i < length; i++) {
        const image = images.subarray(i * (RECORD - 1), (i + 1) * (RECORD - 1));
        const record = Buffer.from(corrupted.buffer, i * RECORD + 1, RECORD - 1);
        if (labels[i] !== corrupted[i * RECORD] || !record.equals(Buffer.from(image)))
          throw new Wrong(`record ${i} is not as in the file`);
      }
    },
  };
}
