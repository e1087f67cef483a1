// Pickles among the corrupted files: those of PyTorch with a change, and such as were made to do harm. Each of the second kind
// has to be refused; nothing in any of them is run, and none takes long, or much more memory than its length.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readWeights } from '../../dist/io/weights.js';
import { encodeZip, Zip } from '../../dist/io/zip.js';
import { Wrong } from './savedModels.mjs';

const fixtures = fileURLToPath(new URL('../../test/fixtures/weights', import.meta.url));

/** What the hostile ones would leave behind. */
const traces = ['/tmp/kwta-was-here'];

/** Files of PyTorch that are changed. */
const torchFiles = ['plain.pth', 'legacy.pth', 'checkpoint.pth', 'views.pth', 'views_legacy.pth', 'protocol4.pth'];

/**
 * Files of PyTorch as a whole, and their pickles alone in an archive that is right again.
 * @param {string} folder for what is read
 * @returns {Promise<import('./corruption.mjs').Subject[]>}
 */
export async function torchSubjects(folder) {
  const file = path.join(folder, 'weights');
  const subjects = [];
  for (const name of torchFiles) {
    const bytes = new Uint8Array(readFileSync(path.join(fixtures, name)));
    subjects.push(subject(name, 1, bytes, async (/** @type {Uint8Array} */ changed) => readFile(file, changed)));
    if (bytes[0] === 0x80) continue;
    const zip = await Zip.open('corrupt', name, bytes);
    const others = await Promise.all(
      zip.files.map(async (each) => /** @type {const} */ ([each, await zip.read(each)])),
    );
    const pickle = others.find(([each]) => each.endsWith('/data.pkl'));
    if (pickle === undefined) throw new Error(`${name} has no pickle`);
    const rest = others.filter((each) => each !== pickle);
    subjects.push(
      subject(`the pickle of ${name}`, 3, pickle[1], async (/** @type {Uint8Array} */ changed) =>
        readFile(file, await encodeZip('corrupt', [[pickle[0], changed], ...rest])),
      ),
    );
  }
  return subjects;
}

/**
 * @param {string} name
 * @param {number} weight
 * @param {Uint8Array} bytes
 * @param {(bytes: Uint8Array) => Promise<void>} read
 * @returns {import('./corruption.mjs').Subject}
 */
function subject(name, weight, bytes, read) {
  return { name, weight, bytes, headerPlace: (random) => random.integer(Math.min(bytes.length, 2000)), read };
}

/**
 * Files made to do harm, one for each number.
 * @param {string} folder for what is read
 * @returns {(random: import('../../dist/base/random.js').Random) => import('./corruption.mjs').Made}
 */
export function hostileFiles(folder) {
  const file = path.join(folder, 'hostile');
  return (random) => {
    const names = Object.keys(kinds);
    const name = names[random.integer(names.length)];
    const pickle = Uint8Array.from([0x80, 2, ...kinds[/** @type {keyof typeof kinds} */ (name)](random), 0x2e]);
    return {
      name: 'a hostile pickle',
      changes: [name],
      async read() {
        const storage = new Uint8Array(16);
        const files = /** @type {const} */ ([
          ['archive/data.pkl', pickle],
          ['archive/data/0', storage],
        ]);
        await readFile(file, random.integer(4) === 0 ? legacy(pickle) : await encodeZip('corrupt', files));
      },
    };
  };
}

/**
 * @param {string} file
 * @param {Uint8Array} bytes
 */
async function readFile(file, bytes) {
  writeFileSync(file, bytes);
  const { tensors } = await readWeights('corrupt', file);
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const size = shape.reduce((a, b) => a * b, 1);
    if (size !== data.length) throw new Wrong(`'${name}' has ${data.length} values for [${shape}]`);
  }
  const left = traces.find(existsSync);
  if (left !== undefined) throw new Wrong(`something was run: there is ${left}`);
}

// ---- The opcodes of pickles, as lists of bytes.

/** @typedef {import('../../dist/base/random.js').Random} Random */

/** @param {string} text */
const bytesOf = (text) => Array.from(new TextEncoder().encode(text));
/**
 * @param {number} value
 * @param {number} length
 */
const little = (value, length) => Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256);
/** @param {string} text */
const string = (text) => [0x58, ...little(bytesOf(text).length, 4), ...bytesOf(text)];
/** @param {number} value */
const integer = (value) => [0x4a, ...little(value < 0 ? value + 2 ** 32 : value, 4)];
/** @param {number} value */
const long = (value) => [0x8a, 8, ...little(value, 8)];
/** @param {string} module @param {string} name */
const global = (module, name) => [0x63, ...bytesOf(`${module}\n${name}\n`)];
/** @param {number[][]} items */
const tuple = (...items) => [0x28, ...items.flat(), 0x74];
/** @param {[string, number[]][]} items */
const dictionary = (...items) => [0x7d, 0x28, ...items.flatMap(([key, value]) => [...string(key), ...value]), 0x75];
/** @param {number[]} callee @param {number[][]} args */
const call = (callee, ...args) => [...callee, ...tuple(...args), 0x52];
const none = [0x4e];
/** @param {string} type @param {string} key @param {number[]} length */
const storage = (type, key, length) => [
  ...tuple(string('storage'), global('torch', type), string(key), string('cpu'), length),
  0x51,
];
/** @param {number[]} view @param {number[]} offset @param {number[][]} shape @param {number[][]} strides */
const tensor = (view, offset, shape, strides) =>
  call(global('torch._utils', '_rebuild_tensor_v2'), view, offset, tuple(...shape), tuple(...strides), [0x89], none);
const good = tensor(storage('FloatStorage', '0', integer(4)), integer(0), [integer(4)], [integer(1)]);

/** @template T @param {Random} random @param {readonly T[]} list */
const one = (random, list) => list[random.integer(list.length)];

/** What runs code in Python, and what could here: modules of Node, constructors, prototypes. */
const harmful = /** @type {const} */ ([
  ['os', 'system'],
  ['posix', 'system'],
  ['nt', 'system'],
  ['builtins', 'eval'],
  ['builtins', 'exec'],
  ['builtins', '__import__'],
  ['builtins', 'getattr'],
  ['__builtin__', 'apply'],
  ['subprocess', 'Popen'],
  ['runpy', '_run_code'],
  ['torch.storage', '_load_from_bytes'],
  ['torch', 'load'],
  ['torch.hub', 'load'],
  ['torch', 'constructor'],
  ['torch', '__proto__'],
  ['constructor', 'constructor'],
  ['__proto__', 'toString'],
  ['node:child_process', 'execSync'],
  ['numpy.core.multiarray', '_reconstruct'],
  ['functools', 'partial'],
  ['copyreg', '_reconstructor'],
  ['pickle', 'loads'],
  ['webbrowser', 'open'],
]);
/** @param {Random} random */
function harmfulGlobal(random) {
  const [module, name] = one(random, harmful);
  return global(module, name);
}
const command = string('touch /tmp/kwta-was-here');

/** @type {Record<string, (random: Random) => number[]>} */
const kinds = {
  'a function is called': (random) => dictionary(['weight', good], ['more', call(harmfulGlobal(random), command)]),
  'a function by names on the stack': (random) => {
    const [module, name] = one(random, harmful);
    return [...string(module), ...string(name), 0x93, ...tuple(command), 0x52];
  },
  'a function in the place of a tensor': (random) =>
    dictionary(['state_dict', dictionary(['weight', call(harmfulGlobal(random), good)])]),
  'an instance': (random) => [0x28, ...command, 0x69, ...bytesOf(one(random, harmful).join('\n')), 0x0a],
  'an object': (random) => [0x28, ...harmfulGlobal(random), ...command, 0x6f],
  'an extension': (random) => [one(random, [0x82, 0x83, 0x84]), 1, 0, 0, 0],
  'an opcode that is none': (random) => [one(random, [0, 1, 0x1f, 0x7f, 0x98, 0xc0, 0xff]), ...good],
  'a text longer than all': (random) => [one(random, [0x8d, 0x8e, 0x96]), ...little(2 ** (20 + random.integer(33)), 8)],
  'a number longer than all': (random) => [0x8b, ...little(2 ** 31 + random.integer(2 ** 31), 4)],
  'a number that is long': () => [0x8b, ...little(5000, 4), ...Array(5000).fill(0x7f)],
  'a memory of nothing': (random) => [0x6a, ...little(random.integer(2 ** 31), 4)],
  'an empty stack': (random) => [one(random, [0x61, 0x65, 0x73, 0x75, 0x52, 0x62, 0x51, 0x30, 0x74, 0x85, 0x87])],
  'a mark as a value': (random) => [0x28, one(random, [0x61, 0x85, 0x51, 0x30, 0x71])],
  'nothing but depth': (random) => [
    ...Array(1000 * (1 + random.integer(50))).fill(0x5d),
    ...Array(random.integer(900)).fill(0x61),
  ],
  'a dictionary in itself': () => [0x7d, 0x71, 0, ...string('state_dict'), 0x68, 0, 0x73],
  'lists of lists of lists': () => [
    ...[0x5d, 0x71, 0],
    ...Array.from({ length: 40 }, (_, i) => [0x28, ...Array(20).fill([0x68, i]).flat(), 0x74, 0x71, i + 1]).flat(),
  ],
  'a tensor of many values': (random) =>
    dictionary([
      'weight',
      tensor(
        storage('FloatStorage', '0', integer(4)),
        integer(0),
        [long(2 ** (20 + random.integer(30)))],
        [integer(0)],
      ),
    ]),
  'a tensor of many extents': (random) =>
    dictionary([
      'weight',
      tensor(
        storage('ByteStorage', '0', integer(16)),
        integer(0),
        Array(2 + random.integer(200)).fill(long(2 ** 52)),
        Array(2).fill(integer(0)),
      ),
    ]),
  'many tensors of one storage': () =>
    dictionary(
      ...Array.from(
        { length: 100 },
        (_, i) =>
          /** @type {[string, number[]]} */ ([
            `weight${i}`,
            tensor(storage('ByteStorage', '0', integer(16)), integer(0), [integer(100_000)], [integer(0)]),
          ]),
      ),
    ),
  'a view beyond its storage': (random) =>
    dictionary([
      'weight',
      tensor(
        storage('FloatStorage', '0', integer(4)),
        long(one(random, [4, 2 ** 31, 2 ** 52])),
        [integer(2)],
        [long(one(random, [1, 2 ** 40]))],
      ),
    ]),
  'a view before its storage': (random) =>
    dictionary([
      'weight',
      tensor(
        storage('FloatStorage', '0', integer(4)),
        integer(one(random, [0, -1])),
        [integer(2)],
        [integer(one(random, [-1, -(2 ** 31)]))],
      ),
    ]),
  'a storage that is longer': (random) =>
    dictionary([
      'weight',
      tensor(storage('FloatStorage', '0', long(2 ** (3 + random.integer(48)))), integer(0), [integer(1)], [integer(1)]),
    ]),
  'a storage that is elsewhere': (random) =>
    dictionary([
      'weight',
      tensor(
        storage('FloatStorage', one(random, ['1', '../data.pkl', '/etc/passwd', '__proto__', '']), integer(4)),
        integer(0),
        [integer(4)],
        [integer(1)],
      ),
    ]),
  'another type of storage': (random) => storage(one(random, ['QInt8Storage', 'Storage', 'load']), '0', integer(4)),
  'no tensor': (random) => one(random, [none, string('weights'), [0x5d], [0x7d], dictionary(['epoch', integer(3)])]),
  'a tensor of no arguments': () => dictionary(['weight', call(global('torch._utils', '_rebuild_tensor_v2'))]),
  'a name that is a prototype': () => dictionary(['__proto__', good]),
};

/**
 * A file of the older form.
 * @param {Uint8Array} pickle
 */
function legacy(pickle) {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  const plain = [magic, [0x4d, 0xe9, 0x03], [0x7d]].flatMap((body) => [0x80, 2, ...body, 0x2e]);
  const keys = [0x80, 2, 0x5d, ...string('0'), 0x61, 0x2e];
  return Uint8Array.from([...plain, ...pickle, ...keys, ...little(4, 8), ...Array(16).fill(0)]);
}
