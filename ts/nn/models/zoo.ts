/** Ready-made models by name, as plain data: what can be chosen of each. Images and classes are those of the data. */
import { descriptor, family, type Member, tagged } from '../../base/schema.js';
import type { ModelSpec } from '../../graph/containers.js';
import { alexNet, alexNetSchema } from './alexNet.js';
import { denseNet121, denseNetSchema } from './denseNet.js';
import { resNet18, resNet34, resNetSchema } from './resNet.js';
import { smallCnn, smallCnnSchema } from './smallCnn.js';
import { wideResNet, wideResNetFields, withDepths } from './wideResNet.js';

/** All but what the data say. */
function own<Entries extends { classes: unknown; input: unknown }>({ classes, input, ...rest }: Entries) {
  return rest;
}

export const zooDescriptors = family({
  alexNet: descriptor(tagged('alexNet', own(alexNetSchema.entries)), {}),
  denseNet121: descriptor(tagged('denseNet121', own(denseNetSchema.entries)), {}),
  resNet18: descriptor(tagged('resNet18', own(resNetSchema.entries)), {}),
  resNet34: descriptor(tagged('resNet34', own(resNetSchema.entries)), {}),
  smallCnn: descriptor(tagged('smallCnn', own(smallCnnSchema.entries)), {}),
  wideResNet: descriptor(withDepths(tagged('wideResNet', own(wideResNetFields))), {}),
});

/** A ready-made model, as plain data. */
export type ZooSpec = Member<typeof zooDescriptors>;

/** What a model is made for. */
export interface Images {
  classes: number;
  /** `[C, H, W]` */
  input: [number, number, number];
}

type Builders = {
  [Type in ZooSpec['type']]: (options: Omit<Extract<ZooSpec, { type: Type }>, 'type'> & Images) => ModelSpec;
};

const builders: Builders = { alexNet, denseNet121, resNet18, resNet34, smallCnn, wideResNet };

/** The description of a model for such images, or for the usual ones of its family. @throws {ConfigError} */
export function zooModel({ type, ...options }: ZooSpec, images: Partial<Images>): ModelSpec {
  const build = builders[type] as (options: object) => ModelSpec;
  return build({ ...options, ...images });
}
