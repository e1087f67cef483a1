/** What constructors of attacks are given. */
import { ConfigError } from '../base/errors.js';
import type { Options as OptionsOf } from '../base/schema.js';
import { describe } from '../base/tensor.js';
import type { attackDescriptors } from './table.js';

/** Options of an attack's constructor. */
export type Options<Type extends keyof typeof attackDescriptors> = OptionsOf<(typeof attackDescriptors)[Type]>;

/** A model that lives in the same runtime. */
export interface ModelHandle {
  readonly id: string;
}

/** @throws {ConfigError} */
export function idOf(model: ModelHandle, argument: string): string {
  if (typeof model?.id !== 'string') throw new ConfigError(`${argument}: expected a model, got ${describe(model)}`);
  return model.id;
}
