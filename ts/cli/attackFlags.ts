/** Options that name an attack: its type, and what is set of it. Which there are, the schema of all attacks says. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AttackSpec, attackDescriptors, attackOf, traitsOf } from '../attacks/table.js';
import { ConfigError } from '../index.js';
import { UsageError } from './options.js';

export interface AttackFlags {
  attack: AttackSpec['type'];
  set: [key: string, value: string][];
  source?: string;
}

/** Adds `--attack`, `--set` and `--source`, and to the help what can be set of each attack. */
export function addAttackOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--attack <name>', 'which attack').choices(Object.keys(attackDescriptors)).makeOptionMandatory(),
    )
    .addOption(
      new Option('--set <option=value>', "one of the attack's options; may be given several times")
        .argParser((text: string, before: [string, string][]) => [...before, setting(text)])
        .default([], 'its defaults'),
    )
    .option('--source <file>', 'model that an attack by transfer makes its examples on')
    .addHelpText('after', () => `\nAttacks and what can be set of them, with defaults:\n${attackHelp()}`);
}

function setting(text: string): [string, string] {
  const [, key, value] = text.match(/^(\w+)=(.*)$/s) ?? [];
  if (key === undefined) throw new InvalidArgumentError('expected option=value, such as steps=20.');
  return [key, value];
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

/** JSON where it is that, a fraction as `8/255`, the name of an attack where one is wanted; else the text itself. */
function parsed(text: string, schema: JsonSchema | undefined): unknown {
  const [, numerator, denominator] = text.match(/^([\d.]+)\/([\d.]+)$/) ?? [];
  if (numerator !== undefined) return Number(numerator) / Number(denominator);
  if (schema?.$ref !== undefined && text in attackDescriptors) return { type: text };
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What is read of the exported JSON Schema. */
interface JsonSchema {
  $ref?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  default?: unknown;
}

/** Of one type of attacks. */
interface AttackSchema {
  properties: Record<string, JsonSchema | undefined>;
  required: string[];
}

let read: { oneOf: AttackSchema[] } | undefined;

function schemaOf(type: AttackSpec['type']): AttackSchema {
  read ??= JSON.parse(readFileSync(new URL(import.meta.resolve('kwta/schema/attack.json')), 'utf8')) as typeof read;
  const found = read?.oneOf.find(({ properties }) => properties.type?.const === type);
  if (found === undefined) throw new TypeError(`the schema of attacks knows no '${type}'`);
  return found;
}

function attackHelp(): string {
  const types = Object.keys(attackDescriptors) as AttackSpec['type'][];
  const width = Math.max(...types.map(({ length }) => length));
  return types
    .map((type) => {
      const options = Object.entries(schemaOf(type).properties).filter(([key]) => key !== 'type' && key !== 'source');
      const words = options.map(([key, schema]) => `${key}=${schema === undefined ? '' : valueText(schema)}`);
      return `  ${type.padEnd(width)}  ${words.join('  ')}`;
    })
    .join('\n');
}

/** `40`, `linf|l2|l1` with the default first, or what kind of value it takes. */
function valueText({ $ref, type, enum: choices, default: value }: JsonSchema): string {
  if (choices !== undefined) return [...new Set([value ?? choices[0], ...choices])].join('|');
  if (value !== undefined)
    return typeof value === 'number' ? String(Number(value.toPrecision(4))) : JSON.stringify(value);
  return $ref === undefined ? `<${type ?? 'value'}>` : '<attack>';
}
