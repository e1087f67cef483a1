/**
 * The adversarials that decide a report's worst case, as a safetensors file: by model and epsilon a tensor `[n, C, H, W]`,
 * and in the metadata which samples they are of and which attack made them.
 */
import { DataError } from '../base/errors.js';
import { fileName } from '../base/paths.js';
import { array, integer, number, type Output, object, optional, parse, string } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { parseJson } from '../io/json.js';
import { decodeSafetensors, encodeSafetensors } from '../io/safetensors.js';
import type { Adversarials } from './modelEvaluation.js';

const key = 'kwta.adversarials';

const entrySchema = object({
  /** Of several. */
  model: optional(string()),
  epsilon: number({ min: 0 }),
  /** Name of the tensor. */
  tensor: string(),
  samples: array(integer({ min: 0 })),
  /** By sample: the first attack that broke it, whose work the image is. */
  attacks: array(string()),
});

const listSchema = array(entrySchema);

/** Adversarials of one model at one epsilon. */
export type AdversarialEntry = Output<typeof entrySchema>;

/** @param models in the order of the report. */
export function encodeAdversarials(
  models: readonly { name?: string; adversarials: readonly Adversarials[] }[],
  shape: readonly number[],
): Uint8Array {
  const entries: AdversarialEntry[] = [];
  const tensors: Record<string, Tensor> = {};
  for (const [m, { name, adversarials }] of models.entries()) {
    for (const [e, { epsilon, samples, attacks, images }] of adversarials.entries()) {
      if (samples.length === 0) continue;
      const tensor = `${m}.${e}`;
      entries.push({ ...(name === undefined ? {} : { model: name }), epsilon, tensor, samples, attacks });
      const data = new Float32Array(images.length * images[0].length);
      for (const [i, image] of images.entries()) data.set(image, i * image.length);
      tensors[tensor] = { shape: [images.length, ...shape], data };
    }
  }
  return encodeSafetensors({ tensors, metadata: { [key]: JSON.stringify(entries) } });
}

/** Where the picture of an entry's image number `i` stands: `model/epsilon/class/sample-attack.png`; what is unknown is left out. */
export function picturePath({ model, epsilon, samples, attacks }: AdversarialEntry, i: number, label?: number): string {
  const parts = [
    model,
    String(epsilon),
    label === undefined ? undefined : String(label),
    `${samples[i]}-${attacks[i]}.png`,
  ];
  return parts
    .filter((part) => part !== undefined)
    .map(fileName)
    .join('/');
}

/** Whether a file that begins so is one of these: metadata come first where they are written here. */
export function isAdversarialFile(start: Uint8Array): boolean {
  const text = new TextDecoder().decode(start.subarray(8, 8 + 200));
  return text.startsWith(`{"__metadata__":{"${key}":`);
}

/** @throws {DataError} naming `file` when it holds something else. */
export function decodeAdversarials(file: string, bytes: Uint8Array): { entry: AdversarialEntry; images: Tensor }[] {
  const { tensors, metadata } = decodeSafetensors(file, bytes);
  if (!Object.hasOwn(metadata, key)) throw new DataError(`${file}: expected '${key}' in the metadata, found none`);
  const list = parseJson(file, `'${key}'`, metadata[key]);
  return parse(listSchema, list, `${file}: ${key}`, DataError).map((entry) => {
    const { tensor, samples, attacks } = entry;
    const images = Object.hasOwn(tensors, tensor) ? tensors[tensor] : undefined;
    if (images === undefined || images.shape[0] !== samples.length || attacks.length !== samples.length) {
      throw new DataError(`${file}: expected a tensor '${tensor}' of ${samples.length} images, found none such`);
    }
    return { entry, images };
  });
}
