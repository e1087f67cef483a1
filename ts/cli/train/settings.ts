/**
 * A run's options from flags and files, each said once: a flag is a place in the config, and what may stand there the schema
 * knows. Flags win over the file.
 */
import { readFile } from 'node:fs/promises';
import { type Problem, pathText } from '../../base/plain.js';
import { examineConfig, type TrainConfig } from '../../train/config.js';
import { folderText } from '../dataFolder.js';
import { UsageError } from '../options.js';
import { type JsonSchema, membersOf, plainValue, readSchema } from '../schemas.js';

/** A flag, and which place in the config it means. */
interface Setting {
  flag: string;
  /** Takes no value: what it stands for. */
  value?: unknown;
  path: string;
  what: string;
}

/** In the order of the help. */
export const settings: readonly Setting[] = [
  {
    flag: '--data <dir>',
    path: 'data',
    what: folderText,
  },
  {
    flag: '--train-samples <n>',
    path: 'trainSamples',
    what: 'how many training images, from the first; all by default',
  },
  {
    flag: '--validation <share>',
    path: 'validation',
    what: 'share of them that is held out, to look at after each epoch',
  },
  { flag: '--no-test', value: false, path: 'test', what: 'look at no test images in the end' },
  { flag: '--model <name>', path: 'model', what: 'a ready-made model, such as resNet18' },
  {
    flag: '--activation <name>',
    path: 'model.activation',
    what: 'of the model, such as relu, kwta:0.1, kwta:0.1:channel or leakyRelu:0.2',
  },
  { flag: '--epochs <n>', path: 'epochs', what: 'passes over the training images' },
  { flag: '--batch-size <n>', path: 'batchSize', what: 'images of a step' },
  { flag: '--regime <name>', path: 'regime', what: 'what is trained on, such as adversarial' },
  { flag: '--attack <name>', path: 'regime.attack', what: 'of the regime, such as pgd' },
  { flag: '--epsilon <radius>', path: 'regime.epsilon', what: 'of the regime, in pixel units, such as 8/255' },
  { flag: '--optimizer <name>', path: 'optimizer', what: 'such as sgd or adam' },
  { flag: '--lr <rate>', path: 'optimizer.lr', what: "the optimizer's learning rate" },
  { flag: '--schedule <name>', path: 'lr', what: 'of the learning rate, such as cosine or step:30' },
  {
    flag: '--gamma <name>',
    path: 'gamma',
    what: 'how gamma changes from epoch to epoch, such as anneal:0.2:0.1:0.005',
  },
  { flag: '--augment <names>', path: 'augment', what: 'what is done to images, with commas: padCrop:4,flip' },
  {
    flag: '--label-smoothing <share>',
    path: 'labelSmoothing',
    what: 'share of each target that is spread over all classes',
  },
  { flag: '--class-weights <list>', path: 'classWeights', what: 'one for each class, as [1,2,1]' },
  { flag: '--clip-gradient <norm>', path: 'clipGradient', what: 'largest L2 norm of all gradients together' },
  { flag: '--ema <decay>', path: 'ema.decay', what: 'keep a moving average of the weights, which is the result' },
  { flag: '--swa <epoch>', path: 'swa.from', what: 'the same with the mean of the weights from this epoch on' },
  {
    flag: '--patience <epochs>',
    path: 'earlyStop.patience',
    what: 'end after so many epochs without a better validation',
  },
  { flag: '--final <which>', path: 'final', what: 'weights that are the result: last, or best on validation' },
  { flag: '--checkpoint-epochs <n>', path: 'checkpoint.everyEpochs', what: 'epochs between two checkpoints' },
  { flag: '--checkpoint-steps <n>', path: 'checkpoint.everySteps', what: 'or steps between two' },
  { flag: '--keep <n>', path: 'checkpoint.keep', what: 'how many checkpoints are kept, the best not counted' },
  { flag: '--seed <n>', path: 'seed', what: 'of first weights, order of images and all else that is drawn' },
  { flag: '--threads <n>', path: 'threads', what: 'threads to compute on; as many as the machine has by default' },
  { flag: '--deterministic', value: true, path: 'deterministic', what: 'the same bits on every machine' },
  { flag: '--recompute', value: true, path: 'recompute', what: 'less memory, more time' },
  {
    flag: '--run <folder>',
    path: 'run',
    what: "the run's folder; that of --out with .run in place of its ending by default",
  },
  { flag: '--out <file>', path: 'out', what: "the trained model; model.safetensors in the run's folder by default" },
];

/** `--lr`, without its value. */
export function nameOf({ flag }: Setting): string {
  return flag.split(' ')[0];
}

type Tree = Readonly<Record<string, unknown>>;

/** A part of a config, and where it was said. */
export interface Source {
  /** As messages call it. */
  name: string;
  config: Tree;
}

/** A config that a file holds: YAML, or JSON. @throws {UsageError} */
export async function readConfigFile(option: string, path: string): Promise<Source> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`${option}: there is no file ${path} that can be read`);
  });
  let value: unknown;
  try {
    value = path.endsWith('.json') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (error) {
    throw new UsageError(`${option}: ${path}: ${(error as Error).message.split('\n')[0].replace(/:$/, '')}`);
  }
  if (!isTree(value))
    throw new UsageError(`${option}: ${path}: expected options by name, got ${JSON.stringify(value)}`);
  return { name: path, config: value };
}

/** What was set by a flag: where, and to what. */
export interface Flag {
  name: string;
  path: string[];
  value: unknown;
}

/** A flag's text at its place: JSON, a fraction, or the short form of a member of a family. */
export function flagAt(name: string, path: string, text: string): Flag {
  const keys = path.split('.');
  const [schema] = schemasAt(keys);
  return { name, path: keys, value: given(name, text, schema) };
}

/**
 * The config that sources and flags make together, later ones over earlier ones.
 *
 * @throws {UsageError} naming all that is wrong, and where it was said.
 */
export function resolve(sources: readonly Source[], flags: readonly Flag[]): TrainConfig {
  const parts = [...sources.map(({ config }) => config), ...flags.map(treeOf)];
  const result = examineConfig(parts.reduce<unknown>(merged, {}));
  if ('output' in result) return result.output;
  throw new UsageError(result.problems.map((problem) => described(problem, sources, flags)).join('; '));
}

/** `{ optimizer: { lr: 0.1 } }` */
function treeOf({ path, value }: Flag): Tree {
  return path.reduceRight((inside, key) => ({ [key]: inside }), value) as Tree;
}

/** `over` put over `base`; what gets another type loses the options that it had. */
function merged(base: unknown, over: unknown): unknown {
  if (!isTree(base) || !isTree(over)) return over;
  if (over.type !== undefined && base.type !== undefined && over.type !== base.type) return over;
  const keys = Object.keys(over).map((key) => [
    key,
    Object.hasOwn(base, key) ? merged(base[key], over[key]) : over[key],
  ]);
  return { ...base, ...Object.fromEntries(keys) };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `train.yaml: optimizer.lr: expected ..., got ...`, or `--lr: ...` */
function described({ path, message }: Problem, sources: readonly Source[], flags: readonly Flag[]): string {
  const within = (outer: readonly PropertyKey[], inner: readonly PropertyKey[]): boolean =>
    outer.every((key, i) => key === inner[i]);
  const setting = settings.find((setting) => setting.path === path.join('.'));
  const flag = flags.findLast((flag) => within(flag.path, path));
  const missing = message.endsWith('got undefined');
  if (flag !== undefined && setting !== undefined && missing) return `${nameOf(setting)}: ${message}`;
  const inner = pathText(flag === undefined ? path : path.slice(flag.path.length)).replace(/^\./, '');
  const place = inner === '' ? '' : `${inner}: `;
  if (flag !== undefined) return `${flag.name}: ${place}${message}`;
  // What is missing in an object was forgotten where that was said.
  const around = path.length > 1 ? path.slice(0, -1) : path;
  const source = sources.findLast(({ config }) => path.length === 0 || has(config, around));
  if (source === undefined && setting !== undefined) return `${nameOf(setting)}: ${message}`;
  const name = (source ?? sources.at(-1))?.name;
  return `${name === undefined ? '' : `${name}: `}${place}${message}`;
}

function has(value: unknown, path: readonly PropertyKey[]): boolean {
  let inside = value;
  for (const key of path) {
    if (typeof inside !== 'object' || inside === null || !Object.hasOwn(inside, key)) return false;
    inside = (inside as Record<PropertyKey, unknown>)[key];
  }
  return true;
}

/** What may stand at a place, whatever the types on the way are. */
function schemasAt(path: readonly string[]): JsonSchema[] {
  let schemas = [readSchema('train')];
  for (const key of path) {
    schemas = schemas.flatMap((schema) => {
      const options = [schema, ...(schema.oneOf ?? [])];
      return options.flatMap(({ properties }) => (properties?.[key] === undefined ? [] : [followed(properties[key])]));
    });
  }
  return schemas;
}

/** What a reference points to. */
function followed(schema: JsonSchema): JsonSchema {
  const [, name] = schema.$ref?.match(/^#\/\$defs\/(.+)$/) ?? [];
  return name === undefined ? schema : followed(readSchema('train').$defs?.[name] ?? {});
}

function given(name: string, text: string, schema: JsonSchema | undefined): unknown {
  const value = plainValue(text);
  if (schema === undefined || typeof value !== 'string') return value;
  const members = membersOf(schema);
  if (Object.keys(members).length > 0) return shortForm(name, text, members);
  const items = Array.isArray(schema.items) || schema.items === undefined ? {} : membersOf(followed(schema.items));
  if (Object.keys(items).length > 0) return text.split(',').map((part) => shortForm(name, part, items));
  return value;
}

/**
 * `kwta:0.1:channel`: a type, and values for the first of its options that take them; `k=5` names one. Types are found
 * whatever case they are written in.
 */
function shortForm(name: string, text: string, members: Record<string, JsonSchema>): unknown {
  const [word, ...parts] = text.split(':');
  const type = Object.keys(members).find((type) => type.toLowerCase() === word.toLowerCase());
  if (type === undefined) return { type: word };
  const { properties = {} } = members[type];
  const result: Record<string, unknown> = { type };
  for (const part of parts) {
    const [, key, rest] = part.match(/^(\w+)=(.*)$/s) ?? [];
    const found =
      key ?? Object.keys(properties).find((key) => !Object.hasOwn(result, key) && takes(properties[key], part));
    if (found === undefined) throw new UsageError(`${name}: '${part}' is no value for an option of ${type}`);
    result[found] = given(name, rest ?? part, properties[found] && followed(properties[found]));
  }
  return result;
}

function takes(schema: JsonSchema, text: string): boolean {
  const own = followed(schema);
  if (own.enum !== undefined) return own.enum.includes(text);
  const value = plainValue(text);
  if (typeof value === 'number') return own.type === 'number' || own.type === 'integer';
  if (typeof value === 'boolean') return own.type === 'boolean';
  return Object.hasOwn(membersOf(own), text);
}
