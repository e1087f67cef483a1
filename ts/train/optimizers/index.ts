/** All optimizers by type: what they are, and how they step. */
import { family, type Member, variant } from '../../base/schema.js';
import { adam, adamDescriptor, adamw, adamwDescriptor } from './adam.js';
import type { Rule } from './rule.js';
import { sgd, sgdDescriptor } from './sgd.js';

export const optimizerDescriptors = family({ adam: adamDescriptor, adamw: adamwDescriptor, sgd: sgdDescriptor });

/** Any optimizer, as plain data. */
export type OptimizerSpec = Member<typeof optimizerDescriptors>;

export const optimizerSchema = variant(optimizerDescriptors, 'an optimizer made by optim.*');

const rules: { [Type in OptimizerSpec['type']]: Rule<Extract<OptimizerSpec, { type: Type }>> } = { adam, adamw, sgd };

/** How an optimizer steps. */
export function ruleOf(spec: OptimizerSpec): Rule<OptimizerSpec> {
  return rules[spec.type] as Rule<OptimizerSpec>;
}
