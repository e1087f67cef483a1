/**
 * Files of `torch.save`: dictionaries of tensors, in a zip archive (PyTorch 1.6 and later) or as a row of pickles (before). In
 * both the tensors are views on storages: numbers of one type, which stand outside the pickle under keys.
 *
 * Of the pickle only what {@link readPickle} knows is read, and of names only those below: nothing in a file is run. Values are
 * read when they are asked for, so that the state of an optimizer beside the weights costs nothing.
 */
import { DataError } from '../base/errors.js';
import { describe, isSize, isSizes, shapeText, sizeOf, type Tensor } from '../base/tensor.js';
import { type NumberTypeName, numberTypes, readNumbers } from './numberTypes.js';
import { type Global, type Meaning, readPickle } from './pickle.js';
import type { Zip } from './zip.js';

/** Numbers outside the pickle. */
interface Storage {
  key: string;
  /** Unknown of what later versions write, where each tensor says it. */
  type: NumberTypeName | undefined;
  /** How many values, or bytes where the type is unknown. */
  length: number;
}

/** A view on a storage. */
export class TorchTensor {
  constructor(
    readonly storage: Storage,
    readonly type: NumberTypeName,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}
}

/** What a file holds, before any values are read. */
export interface TorchFile {
  /** Dictionaries are maps, tensors {@link TorchTensor}. */
  value: unknown;
  /** The tensors' values. @throws {DataError} naming the one that does not fit its storage. */
  read(tensors: ReadonlyMap<string, TorchTensor>): Promise<Record<string, Tensor>>;
}

/** PyTorch's names of types, and of the classes of storages. */
const types: Record<string, NumberTypeName> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  float8_e5m2: 'F8_E5M2',
  float8_e4m3fn: 'F8_E4M3',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint8: 'U8',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
  bool: 'BOOL',
};

const storages: Record<string, NumberTypeName> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** A file of weights may have as many values as this many times its bytes: several tensors may share a storage. */
const mostValuesPerByte = 16;

/** The first and second pickle of the older form. */
const legacyMagic = 0x1950a86a20f9469cfc6cn;
const legacyVersion = 1001;

/** Whether bytes begin as a pickle of protocol 2 or later does. */
export function isPickle(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

/** The pickle in an archive of PyTorch, `name/data.pkl`; `undefined` in others. */
export function pickleIn(zip: Zip): string | undefined {
  return zip.files.find((file) => /^[^/]*\/data\.pkl$/.test(file));
}

/** An archive of PyTorch with this pickle in it. @throws {DataError} naming what is wrong with it. */
export async function readTorchZip(zip: Zip, pickle: string, size: number): Promise<TorchFile> {
  const { name } = zip;
  if (zip.unzipped > mostValuesPerByte * size) {
    throw new DataError(
      `${name}: expected an archive that is not compressed, as PyTorch writes it, got ${zip.unzipped} bytes in ${size}`,
    );
  }
  const root = pickle.slice(0, -'data.pkl'.length);
  if (zip.files.some((file) => file.startsWith(`${root}code/`))) {
    throw new DataError(
      `${name}: expected a dictionary of tensors, got a program of TorchScript; save its state_dict()`,
    );
  }
  if (zip.files.includes(`${root}byteorder`)) {
    const order = new TextDecoder().decode(await zip.read(`${root}byteorder`));
    if (order !== 'little') throw new DataError(`${name}: expected the byte order little, got ${describe(order)}`);
  }
  const { value } = readPickle(`${name}: ${pickle}`, await zip.read(pickle), meaningFor(name));
  const bytesOf = (storage: Storage): Promise<Uint8Array> =>
    zip.read(`${root}data/${storage.key}`, sizeInBytes(storage));
  return { value, read: (tensors) => readAll(name, size, tensors, bytesOf) };
}

/** A file of the older form: pickles and, behind them, the storages. @throws {DataError} naming what is wrong with it. */
export function readTorchLegacy(name: string, bytes: Uint8Array): TorchFile {
  let at = 0;
  const next = (meaning: Meaning): unknown => {
    const { value, end } = readPickle(name, bytes, meaning, at);
    at = end;
    return value;
  };
  const plain: Meaning = { global: () => undefined };
  const [magic, version] = [next(plain), next(plain)];
  if (magic !== legacyMagic || version !== legacyVersion) {
    throw new DataError(`${name}: expected a file of torch.save, got another pickle`);
  }
  const system = next(plain);
  if (system instanceof Map && system.get('little_endian') === false) {
    throw new DataError(`${name}: expected the byte order little, got big`);
  }
  const known = new Map<string, Storage>();
  const value = next(meaningFor(name, (storage) => known.set(storage.key, storage)));
  const keys = next(plain);
  if (!Array.isArray(keys)) throw new DataError(`${name}: expected the keys of the storages, got ${describe(keys)}`);
  const places = new Map<string, Uint8Array>();
  for (const key of keys) {
    const storage = known.get(String(key));
    if (storage === undefined) throw new DataError(`${name}: expected a storage of the pickle, got ${describe(key)}`);
    const length =
      at + 8 <= bytes.length ? Number(new DataView(bytes.buffer, bytes.byteOffset + at).getBigInt64(0, true)) : 0;
    const from = at + 8;
    at = from + sizeInBytes(storage);
    if (length !== storage.length || at > bytes.length) {
      throw new DataError(
        `${name}: storage ${storage.key}: expected ${storage.length} values in ${bytes.length - from} bytes, got ${length}`,
      );
    }
    places.set(storage.key, bytes.subarray(from, at));
  }
  const found = ({ key }: Storage): Promise<Uint8Array> => {
    const place = places.get(key);
    if (place === undefined) throw new DataError(`${name}: expected a storage ${key} behind the pickles, found none`);
    return Promise.resolve(place);
  };
  return { value, read: (tensors) => readAll(name, bytes.length, tensors, found) };
}

async function readAll(
  name: string,
  size: number,
  tensors: ReadonlyMap<string, TorchTensor>,
  bytesOf: (storage: Storage) => Promise<Uint8Array>,
): Promise<Record<string, Tensor>> {
  const total = [...tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (!(total <= mostValuesPerByte * size)) {
    throw new DataError(
      `${name}: expected at most ${mostValuesPerByte * size} values in ${size} bytes, got ${total}: views that repeat a storage`,
    );
  }
  const uses = new Map<string, number>();
  for (const { storage } of tensors.values()) uses.set(storage.key, (uses.get(storage.key) ?? 0) + 1);
  /** Storages that other tensors will need. */
  const raw = new Map<string, Uint8Array>();
  const entries: [string, Tensor][] = [];
  for (const [key, tensor] of tensors) {
    const { storage } = tensor;
    const bytes = raw.get(storage.key) ?? (await bytesOf(storage));
    const left = (uses.get(storage.key) ?? 0) - 1;
    uses.set(storage.key, left);
    if (left > 0) raw.set(storage.key, bytes);
    else raw.delete(storage.key);
    entries.push([key, { shape: tensor.shape, data: valuesOf(`${name}: '${key}'`, tensor, bytes) }]);
  }
  return Object.fromEntries(entries);
}

function valuesOf(place: string, { type, offset, shape, strides }: TorchTensor, bytes: Uint8Array): Float32Array {
  const width = numberTypes[type].bytes;
  const count = sizeOf(shape);
  if (count === 0) return new Float32Array(0);
  const last = shape.reduce((sum, extent, i) => sum + (extent - 1) * strides[i], offset);
  if ((last + 1) * width > bytes.length) {
    throw new DataError(
      `${place}: expected a view inside the ${bytes.length / width} values of its storage, got shape ${shapeText(shape)} ` +
        `with strides ${shapeText(strides)} from ${offset}`,
    );
  }
  const values = readNumbers(type, bytes.subarray(offset * width, (last + 1) * width));
  return values.length === count && isContiguous(shape, strides) ? values : gathered(values, shape, strides);
}

function sizeInBytes({ type, length }: Storage): number {
  return length * (type === undefined ? 1 : numberTypes[type].bytes);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i];
  }
  return true;
}

/** Values in row-major order of a view whose first is the first. */
function gathered(values: Float32Array, shape: readonly number[], strides: readonly number[]): Float32Array {
  const result = new Float32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Names that stand for themselves, or for containers. */
const inert: Record<string, Global['call']> = {
  'collections.OrderedDict': pairs,
  'collections.defaultdict': () => new Map(),
  'collections.Counter': pairs,
  'builtins.dict': pairs,
  '__builtin__.dict': pairs,
  'builtins.set': ([items]) => new Set(Array.isArray(items) ? items : []),
  '__builtin__.set': ([items]) => new Set(Array.isArray(items) ? items : []),
  // Options of a training script beside the weights.
  'argparse.Namespace': () => new Map(),
  'torch.Size': ([extents]) => extents,
  'torch.device': (args) => args.join(':'),
  // A figure such as the best accuracy; of no interest here.
  'numpy.core.multiarray.scalar': () => null,
  'numpy._core.multiarray.scalar': () => null,
  'numpy.dtype': () => new Map(),
  '_codecs.encode': ([text]) => text,
};

/** The dictionary of a list of pairs, if there is one. */
function pairs([items]: readonly unknown[]): unknown {
  if (items instanceof Map) return new Map(items);
  if (!Array.isArray(items)) return new Map();
  return new Map(items.filter((item) => Array.isArray(item)).map(([key, value]) => [key, value]));
}

/** What names in a pickle of PyTorch mean. `met` is told each storage. */
function meaningFor(file: string, met: (storage: Storage) => void = () => {}): Meaning {
  const functions: Record<string, Global['call']> = {
    'torch._utils._rebuild_tensor': (args) => viewOf(file, args),
    'torch._utils._rebuild_tensor_v2': (args) => viewOf(file, args),
    'torch._utils._rebuild_tensor_v3': (args) => viewOf(file, args, args[6]),
    'torch._utils._rebuild_parameter': ([data]) => data,
    'torch._utils._rebuild_parameter_with_state': ([data]) => data,
    ...inert,
  };
  return {
    global(module, name) {
      const full = `${module}.${name}`;
      if (Object.hasOwn(functions, full)) return { name: full, call: functions[full] };
      if (/^(__main__$|torch\.nn\.|torchvision\.)/.test(module)) {
        throw new DataError(
          `${file}: expected a dictionary of tensors, got an object of ${full}, which only Python can read: save model.state_dict()`,
        );
      }
      const own = module === 'torch' && (Object.hasOwn(types, name) || Object.hasOwn(storages, name));
      return own || full === 'torch.storage.UntypedStorage' ? { name: full } : undefined;
    },
    persistent(id) {
      const storage = storageOf(file, id);
      met(storage);
      return storage;
    },
  };
}

/** `('storage', torch.FloatStorage, '0', 'cpu', 4)`; in older files also which part of a larger one it is. */
function storageOf(file: string, id: unknown): Storage {
  const [what, kind, key, , length, view = null] = Array.isArray(id) ? id : [];
  const { name = '' } = (kind ?? {}) as Partial<Global>;
  const known = /^torch\.(\w+)$/.exec(name)?.[1] ?? '';
  const isStorage = Object.hasOwn(storages, known) || name === 'torch.storage.UntypedStorage';
  if (what !== 'storage' || !isStorage || typeof key !== 'string' || !isSize(length) || view !== null) {
    throw new DataError(
      `${file}: expected a storage as ('storage', type, key, device, length), got ${describe(id)}${view === null ? '' : ' of a part of another'}`,
    );
  }
  return { key, type: Object.hasOwn(storages, known) ? storages[known] : undefined, length };
}

/** `(storage, offset, shape, strides, ...)`; `dtype` is that of a storage without a type. */
function viewOf(file: string, [storage, offset, shape, strides]: readonly unknown[], dtype?: unknown): TorchTensor {
  if (
    !isStorage(storage) ||
    !isSize(offset) ||
    !isSizes(shape) ||
    !isSizes(strides) ||
    shape.length !== strides.length
  ) {
    throw new DataError(
      `${file}: expected a tensor as a storage with offset, shape and strides, got ${[storage, offset, shape, strides].map(describe).join(', ')}`,
    );
  }
  const { name = '' } = (dtype ?? {}) as Partial<Global>;
  const own = name.replace(/^torch\./, '');
  const type = Object.hasOwn(types, own) ? types[own] : storage.type;
  if (type === undefined)
    throw new DataError(`${file}: expected a tensor of numbers, got the type ${name || 'unknown'}`);
  return new TorchTensor(storage, type, offset, shape, strides);
}

function isStorage(value: unknown): value is Storage {
  return typeof value === 'object' && value !== null && 'key' in value && 'length' in value && 'type' in value;
}
