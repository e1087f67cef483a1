/**
 * Models as files: safetensors, with the model's description in the metadata. A checkpoint of a training run is such a file,
 * too, with more in it: a text that says where the run stands, and tensors that only the run needs.
 *
 * | Metadata | |
 * |---|---|
 * | `kwta.format` | version of all this; files from before there was one have nothing but `kwta.model` |
 * | `kwta.versions` | of the package that wrote the file; JSON |
 * | `kwta.model` | the description; JSON |
 * | `kwta.training` | where the run stands; JSON |
 * | `kwta.about` | what who saved the model says of it; JSON |
 * | `kwta.values` | CRC-32 of each tensor's bytes by its name; JSON |
 * | `kwta.checksum` | CRC-32 of all these texts |
 *
 * Names and shapes are those that follow from the description, or the model refuses them. A file that another program writes
 * again, in another order, is still good.
 */

import { crc32Text } from '../base/crc32.js';
import { DataError, DivergedError } from '../base/errors.js';
import { parse, record, string } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { version } from '../base/version.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import { isCounter } from '../graph/parameterSpecs.js';
import { parseJson } from './json.js';
import { decodeSafetensors, encodeSafetensors, type SafetensorsContent } from './safetensors.js';

const format = '1';

const keys = {
  format: 'kwta.format',
  versions: 'kwta.versions',
  model: 'kwta.model',
  training: 'kwta.training',
  about: 'kwta.about',
  values: 'kwta.values',
  checksum: 'kwta.checksum',
} as const;

/** Begins the names of a run's own tensors; a layer's may begin so, too, and then gets `escaped` before it. */
const own = 'training:';
const escaped = `${own}model:`;

/** What a training run keeps beside its model. */
export interface TrainingPart {
  /** Plain data. */
  state: unknown;
  /** Tensors by group and by the model's names; a group's name has no colon in it and is not `model`. */
  groups: Record<string, Record<string, Tensor>>;
}

/** What a file holds. */
export interface ModelFile {
  spec: ModelSpec;
  stateDict: Record<string, Tensor>;
  /** Of a checkpoint. */
  training?: TrainingPart;
  /** Plain data that nothing depends on. */
  about?: unknown;
}

/** A model's file. @throws {DivergedError} naming a parameter that could not be loaded again. */
export function encodeModel(
  spec: ModelSpec,
  stateDict: Record<string, Tensor>,
  { training, about }: Pick<ModelFile, 'training' | 'about'> = {},
): Uint8Array {
  for (const [name, { data }] of Object.entries(stateDict)) {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new DivergedError(`the model is not saved: '${name}' has the value ${data[bad]} at index ${bad}`);
  }
  const named = Object.entries(stateDict).map(([name, value]) => [name.startsWith(own) ? escaped + name : name, value]);
  for (const [group, values] of Object.entries(training?.groups ?? {})) {
    for (const [name, value] of Object.entries(values)) named.push([`${own}${group}:${name}`, value]);
  }
  const tensors: Record<string, Tensor> = Object.fromEntries(named);
  const metadata = {
    [keys.format]: format,
    [keys.versions]: JSON.stringify({ kwta: version }),
    [keys.model]: JSON.stringify(spec),
    ...(training && { [keys.training]: JSON.stringify(training.state) }),
    ...(about !== undefined && { [keys.about]: JSON.stringify(about) }),
    [keys.values]: JSON.stringify(checksums(tensors)),
  };
  return encodeSafetensors({ tensors, metadata: { ...metadata, [keys.checksum]: textsChecksum(metadata) } });
}

/**
 * What is in a file, its description parsed.
 *
 * @throws {DataError} when it is not one that {@link encodeModel} made, or no longer; it names what is damaged.
 */
export function decodeModel(file: string, bytes: Uint8Array): ModelFile {
  const content = decodeSafetensors(file, bytes);
  if (!describesModel(content.metadata)) {
    throw new DataError(`${file}: expected a model's description ('${keys.model}') in the metadata, found none`);
  }
  return modelOf(file, content);
}

/** Whether a file's metadata have a model's description in them. */
export function describesModel(metadata: Record<string, string>): boolean {
  return Object.hasOwn(metadata, keys.model);
}

/** The same as {@link decodeModel} for what {@link describesModel}. @throws {DataError} naming what is damaged. */
export function modelOf(file: string, { tensors, metadata }: SafetensorsContent): ModelFile {
  checkWhole(file, { tensors, metadata });
  const json = (key: string): unknown => parseJson(file, `'${key}'`, metadata[key]);
  const spec = parse(modelSchema, json(keys.model), `${file}: model`, DataError);
  const { stateDict, groups } = separated(tensors);
  const content = { spec, stateDict, ...(Object.hasOwn(metadata, keys.about) && { about: json(keys.about) }) };
  if (!Object.hasOwn(metadata, keys.training)) return content;
  return { ...content, training: { state: json(keys.training), groups } };
}

function separated(tensors: Record<string, Tensor>): Pick<TrainingPart, 'groups'> & Pick<ModelFile, 'stateDict'> {
  const stateDict: [string, Tensor][] = [];
  const groups: Record<string, [string, Tensor][]> = {};
  for (const [name, value] of Object.entries(tensors)) {
    if (!name.startsWith(own)) stateDict.push([name, value]);
    else if (name.startsWith(escaped)) stateDict.push([name.slice(escaped.length), value]);
    else {
      const [group, ...rest] = name.slice(own.length).split(':');
      groups[group] ??= [];
      groups[group].push([rest.join(':'), value]);
    }
  }
  const named = Object.entries(groups).map(([group, values]) => [group, Object.fromEntries(values)]);
  return { stateDict: Object.fromEntries(stateDict), groups: Object.fromEntries(named) };
}

/** @throws {DataError} when anything is not as it was written. */
function checkWhole(file: string, { tensors, metadata }: SafetensorsContent): void {
  const known: string[] = Object.values(keys);
  // Files of the first versions say nothing of themselves ('format' is what others write); a damaged one must not pass for one.
  if (Object.keys(metadata).every((key) => key === keys.model || key === 'format')) return;
  const stranger = Object.keys(metadata).find((key) => !known.includes(key));
  if (stranger !== undefined) {
    throw new DataError(`${file}: expected the metadata ${known.join(', ')}, got '${stranger}'`);
  }
  if (metadata[keys.format] !== format) {
    const found = metadata[keys.format] ?? 'none';
    throw new DataError(
      `${file}: expected the version ${format} of the format, got ${found}; a newer kwta may read it`,
    );
  }
  const { [keys.checksum]: checksum, ...texts } = metadata;
  if (checksum !== textsChecksum(texts)) {
    throw new DataError(`${file}: the metadata are damaged: their checksum is not ${checksum ?? 'there'}`);
  }
  const written = parse(record(string()), parseJson(file, `'${keys.values}'`, texts[keys.values]), file, DataError);
  const found = checksums(tensors);
  for (const name of new Set([...Object.keys(written), ...Object.keys(found)])) {
    // Programs that use PyTorch add these counters; no model reads them.
    if (written[name] === undefined && isCounter(name)) continue;
    if (written[name] !== found[name]) {
      const [expected, got] = [written[name] ?? 'none', found[name] ?? 'none'];
      throw new DataError(
        `${file}: the values of '${name}' are damaged: expected the checksum ${expected}, got ${got}`,
      );
    }
  }
}

function checksums(tensors: Record<string, Tensor>): Record<string, string> {
  const entries = Object.entries(tensors).map(([name, { data }]) => [
    name,
    crc32Text(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
  return Object.fromEntries(entries);
}

/** Of all texts, whatever their order. */
function textsChecksum(texts: Record<string, string>): string {
  const sorted = Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));
  return crc32Text(new TextEncoder().encode(JSON.stringify(sorted)));
}
