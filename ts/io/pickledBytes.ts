/**
 * NumPy's arrays of bytes inside pickles, as CIFAR's batches for Python hold them: of Python 2 (protocol 2, bytes as its texts),
 * of Python 3 (protocol 2, bytes as latin-1 text; 3 and 4, bytes; 5, a buffer), of NumPy 1 and 2. Nothing in a file is run.
 */
import { isUint8Array } from '../base/arrays.js';
import { DataError } from '../base/errors.js';
import { describe, isSizes, shapeText, sizeOf } from '../base/tensor.js';
import { type Meaning, readPickle, Stateful } from './pickle.js';

/** An array, its last axis next to itself. */
export class PickledBytes extends Stateful {
  shape: readonly number[] = [];
  bytes: Uint8Array = new Uint8Array(0);

  constructor(private readonly file: string) {
    super();
  }

  /** `(version, shape, dtype, whether its first axis is next to itself, bytes)`. */
  setState(state: unknown): void {
    const [, shape, type, fortran, bytes] = Array.isArray(state) ? state : [];
    this.fill(bytes, type, shape, fortran === true ? 'F' : 'C');
  }

  fill(bytes: unknown, type: unknown, shape: unknown, order: unknown): void {
    const wanted = (what: string, got: string) => new DataError(`${this.file}: expected ${what}, got ${got}`);
    if (!(type instanceof DataType) || type.name !== 'u1')
      throw wanted('an array of bytes (uint8)', type instanceof DataType ? `one of ${type.name}` : describe(type));
    if (!isSizes(shape)) throw wanted('the shape of an array', describe(shape));
    if (order !== 'C') throw wanted('an array in C order', describe(order));
    // Python 2's texts that are ASCII are read as text.
    const own = typeof bytes === 'string' ? latin1(bytes) : bytes;
    if (!isUint8Array(own) || own.length !== sizeOf(shape))
      throw wanted(
        `${sizeOf(shape)} bytes for ${shapeText(shape)}`,
        isUint8Array(own) ? `${own.length}` : describe(own),
      );
    this.shape = shape;
    this.bytes = own;
  }
}

/** What its values are; byte order and the like, which follow as its state, say nothing of bytes. */
class DataType extends Stateful {
  constructor(readonly name: string) {
    super();
  }

  setState(): void {}
}

/** The bytes of a text whose characters are all below 256; undefined for others. */
function latin1(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

/**
 * The value of a pickle of plain values and {@link PickledBytes}.
 *
 * @param file what to call it in messages.
 * @throws {DataError} naming what is damaged, or what is not read.
 */
export function readPickledBytes(file: string, bytes: Uint8Array): unknown {
  return readPickle(file, bytes, meaningFor(file)).value;
}

function meaningFor(file: string): Meaning {
  const functions: Record<string, ((args: readonly unknown[]) => unknown) | undefined> = {
    'multiarray._reconstruct': () => new PickledBytes(file),
    'numeric._frombuffer': ([bytes, type, shape, order]) => {
      const array = new PickledBytes(file);
      array.fill(bytes, type, shape, order);
      return array;
    },
    dtype: ([name]) => new DataType(String(name)),
    ndarray: undefined,
  };
  return {
    global(module, name) {
      const full = `${module}.${name}`;
      if (full === '_codecs.encode') return { name: full, call: ([text]) => latin1(String(text)) };
      const own = full.replace(/^numpy\.(_?core\.)?/, '');
      return own !== full && Object.hasOwn(functions, own) ? { name: full, call: functions[own] } : undefined;
    },
  };
}
