/**
 * Weights by name out of files of any program: PyTorch's `.pth` in both forms, safetensors, also in several files with an
 * index, and NumPy's `.npz`. What a file is, its first bytes say, never its name.
 */
import { platform } from '#platform';
import { isFloat32Array } from '../base/arrays.js';
import { DataError } from '../base/errors.js';
import { besidePath } from '../base/paths.js';
import { describe, type Tensor } from '../base/tensor.js';
import { parseJson } from './json.js';
import { Npz } from './npz.js';
import { decodeSafetensors } from './safetensors.js';
import { isPickle, pickleIn, readTorchLegacy, readTorchZip, type TorchFile, TorchTensor } from './torch.js';
import { Zip } from './zip.js';

/** What was found in a file. */
export interface Weights {
  /** What kind of file it is, in words. */
  format: string;
  tensors: Record<string, Tensor>;
  /** Texts that safetensors keeps beside them. */
  metadata: Record<string, string>;
  /** Where they were found, and what was passed over. */
  notes: string[];
}

/** Under which of these a training script keeps the weights, in the order in which they are looked for. */
const places = ['state_dict', 'model_state_dict', 'model', 'net'];

/** How deep they are looked for. */
const deepest = 4;

/**
 * Reads a file's weights.
 *
 * @param what needs them, as a call or an option is called.
 * @throws {DataError} naming the file and what is wrong with it.
 */
export async function readWeights(what: string, path: string | URL): Promise<Weights> {
  const bytes = await platform.readFile(path);
  if (bytes === undefined) throw new DataError(`${what}: there is no file ${path}`);
  const name = String(path);
  if (isSafetensors(bytes)) return ofSafetensors(name, bytes);
  if (isPickle(bytes)) return ofTorch(name, 'PyTorch, older form', readTorchLegacy(name, bytes));
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return ofArchive(what, name, bytes);
  if (bytes[0] === 0x7b) return ofIndex(path, bytes);
  return ofSafetensors(name, bytes);
}

/** The high half of a header's length, and how the header begins: the low half may look like anything. */
function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);
}

function ofSafetensors(name: string, bytes: Uint8Array): Weights {
  return { format: 'safetensors', notes: [], ...decodeSafetensors(name, bytes) };
}

async function ofArchive(what: string, name: string, bytes: Uint8Array): Promise<Weights> {
  const zip = await Zip.open(what, name, bytes);
  const pickle = pickleIn(zip);
  if (pickle !== undefined) return ofTorch(name, 'PyTorch', await readTorchZip(zip, pickle, bytes.length));
  const npz = new Npz(zip);
  if (npz.names.length === 0) {
    const found = zip.files.slice(0, 10).join(', ') || 'none';
    throw new DataError(`${name}: expected an archive of PyTorch or NumPy, found the files ${found}`);
  }
  const tensors: [string, Tensor][] = [];
  for (const array of npz.names) {
    const { shape, data } = await npz.read(array);
    tensors.push([array, { shape, data: isFloat32Array(data) ? data : Float32Array.from(data) }]);
  }
  return { format: 'npz', tensors: Object.fromEntries(tensors), metadata: {}, notes: [] };
}

async function ofTorch(name: string, format: string, file: TorchFile): Promise<Weights> {
  const { tensors, others, path } = stateDictIn(name, file.value);
  const notes = path.length === 0 ? [] : [`found under ${path.map((key) => `'${key}'`).join(', in it under ')}`];
  if (others.length > 0) notes.push(`passed over what is no tensor: ${listed(others)}`);
  return { format, tensors: await file.read(tensors), metadata: {}, notes };
}

/** The dictionary of tensors in what a training script saved. */
function stateDictIn(name: string, value: unknown) {
  const path: string[] = [];
  let inside = value;
  while (inside instanceof Map && path.length < deepest) {
    const dictionary: Map<unknown, unknown> = inside;
    const place = places.find((key) => dictionary.get(key) instanceof Map);
    if (place === undefined) break;
    path.push(place);
    inside = dictionary.get(place);
  }
  const entries = inside instanceof Map ? [...inside] : [];
  const tensors = new Map(
    entries.filter(
      (entry): entry is [string, TorchTensor] => typeof entry[0] === 'string' && entry[1] instanceof TorchTensor,
    ),
  );
  const others = entries.filter(([, each]) => !(each instanceof TorchTensor)).map(([key]) => String(key));
  if (tensors.size === 0) {
    const found = inside instanceof Map ? `a dictionary of ${listed(others) || 'nothing'}` : describe(inside);
    throw new DataError(
      `${name}: expected tensors by name, by themselves or under ${places.join(', ')}, found ${found}`,
    );
  }
  if (tensors.has('__proto__')) throw new DataError(`${name}: expected another name of a tensor than '__proto__'`);
  return { tensors, others, path };
}

/** Several files of safetensors, and which tensor is in which. */
async function ofIndex(path: string | URL, bytes: Uint8Array): Promise<Weights> {
  const name = String(path);
  const index = parseJson(name, 'an index', new TextDecoder().decode(bytes));
  const places = typeof index === 'object' && index !== null && 'weight_map' in index ? index.weight_map : undefined;
  if (typeof places !== 'object' || places === null || Array.isArray(places)) {
    throw new DataError(`${name}: expected an index of safetensors with a weight_map, found other JSON`);
  }
  const wanted: [string, unknown][] = Object.entries(places);
  const files = new Map<string, Record<string, Tensor>>();
  for (const [, file] of wanted) {
    if (typeof file !== 'string' || file === '' || /[/\\]/.test(file)) {
      throw new DataError(`${name}: weight_map: expected names of files beside it, got ${describe(file)}`);
    }
    if (files.has(file)) continue;
    const part = await platform.readFile(besidePath(path, file));
    if (part === undefined) throw new DataError(`${name}: expected the file ${file} beside it, found none`);
    files.set(file, decodeSafetensors(String(besidePath(path, file)), part).tensors);
  }
  const tensors = wanted.map(([tensor, file]): [string, Tensor] => {
    const found = files.get(file as string) ?? {};
    if (!Object.hasOwn(found, tensor)) throw new DataError(`${name}: expected '${tensor}' in ${file}, found none`);
    return [tensor, found[tensor]];
  });
  const format = `safetensors in ${files.size} file${files.size === 1 ? '' : 's'}`;
  return { format, tensors: Object.fromEntries(tensors), metadata: {}, notes: [] };
}

/** The first few of many names. */
function listed(names: readonly string[]): string {
  return names.slice(0, 8).join(', ') + (names.length > 8 ? `, ... (${names.length})` : '');
}
