/** Options that name an attack: its type, and what is set of it. Which there are, the schema of all attacks says. */
import { type Command, Option } from 'commander';
import { type AttackSpec, attackDescriptors, attackOf, traitsOf } from '../attacks/table.js';
import { ConfigError } from '../index.js';
import { type SetFlags, setOption, UsageError } from './options.js';
import { familyHelp, type JsonSchema, membersOf, plainValue, readSchema } from './schemas.js';

export interface AttackFlags extends SetFlags {
  attack: AttackSpec['type'];
  source?: string;
}

/** Adds `--attack`, `--set` and `--source`, and to the help what can be set of each attack. */
export function addAttackOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--attack <name>', 'which attack').choices(Object.keys(attackDescriptors)).makeOptionMandatory(),
    )
    .addOption(setOption("one of the attack's options; may be given several times", 'steps=20'))
    .option('--source <file>', 'model that an attack by transfer makes its examples on')
    .addHelpText('after', () => `\nAttacks and what can be set of them, with defaults:\n${attackHelp()}`);
}

/**
 * The attack that was asked for. Its source, if it has one, is the path of the file.
 *
 * @throws {UsageError} naming what is wrong with it.
 */
export function attackOfFlags({ attack: type, set, source }: AttackFlags): AttackSpec {
  const { properties, required } = schemaOf(type);
  const own = Object.fromEntries(set.map(([key, text]) => [key, parsed(text, properties[key])]));
  if ('source' in own) throw new UsageError('--set source: name the file with --source <file>');
  if (source !== undefined && properties.source === undefined) {
    throw new UsageError(`--source: ${type} uses no other model`);
  }
  if (source === undefined && required.includes('source')) {
    throw new UsageError(`--source <file>: ${type} needs the model that its examples are made on`);
  }
  try {
    const spec = attackOf({ type, ...own, ...(source !== undefined && { source }) }, '--set');
    traitsOf(spec);
    return spec;
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message.replaceAll('--set.', '--set '));
    throw error;
  }
}

/** The name of an attack where one is wanted, else as everywhere. */
function parsed(text: string, schema: JsonSchema | undefined): unknown {
  return schema?.$ref !== undefined && text in attackDescriptors ? { type: text } : plainValue(text);
}

/** Of one type of attacks. */
function schemaOf(type: AttackSpec['type']): {
  properties: Record<string, JsonSchema | undefined>;
  required: string[];
} {
  const { properties = {}, required = [] } = membersOf(readSchema('attack'))[type];
  return { properties, required };
}

function attackHelp(): string {
  return familyHelp(membersOf(readSchema('attack')), 'attack', ['type', 'source']);
}
