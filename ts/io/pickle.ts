/**
 * Reads the plain values in a pickle, Python's format of objects, and runs nothing. A pickle is a program for a machine with
 * a stack: numbers, texts and containers are pushed, and functions are called by their names. Only the opcodes of protocols 2
 * to 5 that plain values need are known here, and a name stands for what the caller's table says, or the file is refused.
 *
 * | Python | here |
 * |---|---|
 * | None, bool, float, str | null, boolean, number, string |
 * | int | number; bigint beyond 2^53 |
 * | bytes | Uint8Array, on the file's memory |
 * | str of Python 2, which is bytes | string where it is ASCII, else Uint8Array |
 * | list, tuple | array |
 * | dict | Map |
 * | function or class | {@link Global} |
 *
 * Each opcode makes at most one value, and no longer one than the bytes behind it: memory grows with the file and no faster.
 */
import { DataError } from '../base/errors.js';
import { describe } from '../base/tensor.js';

/** A function or class that a pickle may name. */
export interface Global {
  /** With its module: `torch._utils._rebuild_tensor_v2`. */
  readonly name: string;
  /** What a call gives; not to be called when left out. @throws {DataError} when the arguments are wrong. */
  call?(args: readonly unknown[]): unknown;
}

/** What a call gives whose attributes follow it. */
export abstract class Stateful {
  /** @throws {DataError} when they are wrong. */
  abstract setState(state: unknown): void;
}

/** What stands behind the names in a pickle. */
export interface Meaning {
  /** @returns undefined for what is not to be read. */
  global(module: string, name: string): Global | undefined;
  /** What is kept outside the pickle under this identifier; there is none when left out. */
  persistent?(id: unknown): unknown;
}

/** Where a list of arguments or items begins on the stack. */
const mark = Symbol('mark');

/** Opcodes that make or call arbitrary things, by their names in Python, for messages. */
const refused: Record<number, string> = {
  73: 'INT',
  80: 'PERSID',
  83: 'STRING',
  86: 'UNICODE',
  105: 'INST',
  111: 'OBJ',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  146: 'NEWOBJ_EX',
  151: 'NEXT_BUFFER',
};

/** A number read from its bytes. */
type Numeral = { bytes: number; read(view: DataView, at: number): number | bigint };

/** Numbers of fixed lengths, by opcode. */
const numerals: Record<number, Numeral> = {
  71: { bytes: 8, read: (view, at) => view.getFloat64(at, false) },
  74: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  75: { bytes: 1, read: (view, at) => view.getUint8(at) },
  77: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
};

const constants = new Map<number, unknown>([
  [0x4e, null],
  [0x88, true],
  [0x89, false],
]);

/** Texts and bytes behind their length: how many bytes that has, and what they are. */
const lengthy: Record<number, { length: number; kind: 'text' | 'old text' | 'bytes' | 'integer' }> = {
  84: { length: 4, kind: 'old text' },
  85: { length: 1, kind: 'old text' },
  88: { length: 4, kind: 'text' },
  140: { length: 1, kind: 'text' },
  141: { length: 8, kind: 'text' },
  66: { length: 4, kind: 'bytes' },
  67: { length: 1, kind: 'bytes' },
  142: { length: 8, kind: 'bytes' },
  150: { length: 8, kind: 'bytes' },
  138: { length: 1, kind: 'integer' },
  139: { length: 4, kind: 'integer' },
};

/** Longest whole number: PyTorch's have 10 bytes, and longer ones take more than their length to read. */
const longestInteger = 64;

/**
 * The value of one pickle, and where it ends.
 *
 * @param file what to call it in messages.
 * @param from where it begins in `bytes`.
 * @throws {DataError} naming what is damaged, or which name or opcode is not read.
 */
export function readPickle(
  file: string,
  bytes: Uint8Array,
  meaning: Meaning,
  from = 0,
): { value: unknown; end: number } {
  return new Machine(file, bytes, meaning, from).run();
}

class Machine {
  readonly #view: DataView;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at: number;

  constructor(
    private readonly file: string,
    private readonly bytes: Uint8Array,
    private readonly meaning: Meaning,
    from: number,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
  }

  run(): { value: unknown; end: number } {
    for (;;) {
      const opcode = this.#take(1)[0];
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#at };
      this.#step(opcode);
    }
  }

  #step(opcode: number): void {
    const numeral = numerals[opcode];
    if (numeral !== undefined) this.#push(numeral.read(this.#view, this.#skip(numeral.bytes)));
    else if (constants.has(opcode)) this.#push(constants.get(opcode));
    else if (lengthy[opcode] !== undefined) this.#push(this.#lengthy(opcode));
    else this.#act(opcode);
  }

  #act(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
      case 0x95: // FRAME
        this.#skip(opcode === 0x80 ? 1 : 8);
        return;
      case 0x28: // MARK
        this.#push(mark);
        return;
      case 0x30: // POP
        this.#pop();
        return;
      case 0x71: // BINPUT
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#unsigned(opcode === 0x71 ? 1 : 4), this.#top());
        return;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case 0x68: // BINGET
      case 0x6a: // LONG_BINGET
        this.#push(this.#remembered(this.#unsigned(opcode === 0x68 ? 1 : 4)));
        return;
      case 0x63: // GLOBAL
        this.#push(this.#global(this.#line(), this.#line()));
        return;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popped(2);
        if (typeof module !== 'string' || typeof name !== 'string') throw this.#error('a name', module);
        this.#push(this.#global(module, name));
        return;
      }
      case 0x51: // BINPERSID
        this.#push(this.#persistent(this.#pop()));
        return;
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        this.#call();
        return;
      case 0x62: // BUILD
        this.#build();
        return;
      default:
        this.#contain(opcode);
    }
  }

  /** Lists, tuples, dictionaries and sets. */
  #contain(opcode: number): void {
    switch (opcode) {
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        this.#push([]);
        return;
      case 0x7d: // EMPTY_DICT
        this.#push(new Map());
        return;
      case 0x8f: // EMPTY_SET
        this.#push(new Set());
        return;
      case 0x74: // TUPLE
        this.#push(this.#marked());
        return;
      case 0x85: // TUPLE1, TUPLE2, TUPLE3
      case 0x86:
      case 0x87:
        this.#push(this.#popped(opcode - 0x84));
        return;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        return;
      case 0x65: // APPENDS
        this.#append(this.#marked());
        return;
      case 0x73: // SETITEM
        this.#set(this.#popped(2));
        return;
      case 0x75: // SETITEMS
        this.#set(this.#marked());
        return;
      case 0x90: // ADDITEMS
        this.#add(this.#marked());
        return;
      default: {
        const name = refused[opcode] ?? `0x${opcode.toString(16).padStart(2, '0')}`;
        throw new DataError(
          `${this.file}: expected the opcodes of plain values, got ${name} at byte ${this.#at - 1}: nothing in a pickle is run here`,
        );
      }
    }
  }

  #lengthy(opcode: number): unknown {
    const { length, kind } = lengthy[opcode];
    const bytes = this.#take(this.#unsigned(length));
    if (kind === 'integer') return this.#integer(bytes);
    if (kind === 'bytes' || (kind === 'old text' && bytes.some((byte) => byte > 127))) return bytes;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new DataError(`${this.file}: expected text at byte ${this.#at - bytes.length}`, { cause });
    }
  }

  /** Two's complement, the lowest byte first. */
  #integer(bytes: Uint8Array): number | bigint {
    if (bytes.length > longestInteger) throw this.#error(`a whole number of ${longestInteger} bytes`, bytes.length);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    value = BigInt.asIntN(8 * bytes.length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #global(module: string, name: string): Global {
    const found = this.meaning.global(module, name);
    if (found !== undefined) return found;
    throw new DataError(
      `${this.file}: expected tensors and plain values alone, got ${module}.${name}, which is not read: nothing in a pickle is run here`,
    );
  }

  #persistent(id: unknown): unknown {
    if (this.meaning.persistent === undefined) throw this.#error('values alone', 'one kept elsewhere');
    return this.meaning.persistent(id);
  }

  #call(): void {
    const [callee, args] = this.#popped(2);
    if (!isGlobal(callee)) throw this.#error('the name of what to make', callee);
    if (callee.call === undefined) {
      throw new DataError(`${this.file}: expected ${callee.name} as a value, got a call of it`);
    }
    if (!Array.isArray(args)) throw this.#error(`a tuple for ${callee.name}`, args);
    this.#push(callee.call(args));
  }

  /** Attributes of a dictionary are of no interest. */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target instanceof Stateful) target.setState(state);
    else if (!(target instanceof Map)) throw this.#error('what takes a state', target);
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#error('a list', list);
    for (const item of items) list.push(item);
  }

  #add(items: readonly unknown[]): void {
    const set = this.#top();
    if (!(set instanceof Set)) throw this.#error('a set', set);
    for (const item of items) set.add(item);
  }

  #set(items: readonly unknown[]): void {
    const dictionary = this.#top();
    if (!(dictionary instanceof Map)) throw this.#error('a dictionary', dictionary);
    if (items.length % 2 !== 0) throw this.#error('a value for each key', items.length);
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    return this.#popped(1)[0];
  }

  #top(): unknown {
    const value = this.#stack.at(-1);
    if (this.#stack.length === 0 || value === mark) throw this.#error('a value', 'none');
    return value;
  }

  #popped(count: number): unknown[] {
    if (this.#stack.length < count) throw this.#error('a value', 'none');
    const values = this.#stack.splice(-count);
    if (values.includes(mark)) throw this.#error('a value', 'none');
    return values;
  }

  /** What was pushed since the last mark. */
  #marked(): unknown[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw this.#error('the beginning of a list', 'none');
    const values = this.#stack.splice(at);
    return values.slice(1);
  }

  #remembered(index: number): unknown {
    if (!this.#memo.has(index)) throw this.#error('a value met before', `number ${index}`);
    return this.#memo.get(index);
  }

  #unsigned(length: number): number {
    const at = this.#skip(length);
    if (length === 1) return this.#view.getUint8(at);
    return length === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true));
  }

  #line(): string {
    const end = this.bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#error('the end of a name', 'none');
    const line = this.bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return new TextDecoder().decode(line);
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Where bytes stand, which are there. */
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.bytes.length - at) {
      throw new DataError(
        `${this.file}: expected ${length} more bytes at byte ${at}, found ${this.bytes.length - at}: the file is truncated`,
      );
    }
    this.#at += length;
    return at;
  }

  #error(expected: string, got: unknown): DataError {
    const text = typeof got === 'symbol' ? 'a mark' : describe(got);
    return new DataError(`${this.file}: expected ${expected} before byte ${this.#at}, got ${text}`);
  }
}

function isGlobal(value: unknown): value is Global {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
