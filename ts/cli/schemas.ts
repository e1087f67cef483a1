/** The exported JSON Schemas as the command line reads them: which options there are, and what a text stands for. */
import { readFileSync } from 'node:fs';

/** What is read of them. */
export interface JsonSchema {
  $ref?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  items?: JsonSchema | JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  $defs?: Record<string, JsonSchema>;
}

const read = new Map<string, JsonSchema>();

/** The schema of this name in `kwta/schema`. */
export function readSchema(name: string): JsonSchema {
  const known = read.get(name);
  if (known !== undefined) return known;
  const file = new URL(import.meta.resolve(`kwta/schema/${name}.json`));
  const schema = JSON.parse(readFileSync(file, 'utf8')) as JsonSchema;
  read.set(name, schema);
  return schema;
}

/** Members of the family that `schema` describes, by their type; none when it is no family. */
export function membersOf(schema: JsonSchema | undefined): Record<string, JsonSchema> {
  const members = (schema?.oneOf ?? []).map((member) => [member.properties?.type?.const, member] as const);
  return Object.fromEntries(members.filter(([type]) => typeof type === 'string'));
}

/** JSON where it is that, a fraction as `8/255`; else the text itself. */
export function plainValue(text: string): unknown {
  const [, numerator, denominator] = text.match(/^([\d.]+)\/([\d.]+)$/) ?? [];
  if (numerator !== undefined) return Number(numerator) / Number(denominator);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A line for each member of a family, with what can be set of it; `kind` stands for another family's member. */
export function familyHelp(
  members: Record<string, JsonSchema>,
  kind: string,
  hidden: readonly string[] = ['type'],
): string {
  const width = Math.max(...Object.keys(members).map(({ length }) => length));
  return Object.entries(members)
    .map(([type, { properties = {} }]) => {
      const options = Object.entries(properties).filter(([key]) => !hidden.includes(key));
      const words = options.map(([key, schema]) => `${key}=${valueText(schema, kind)}`);
      return `  ${type.padEnd(width)}  ${words.join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** `40`, `linf|l2|l1` with the default first, or what kind of value it takes. */
function valueText({ $ref, oneOf, type, enum: choices, default: value }: JsonSchema, kind: string): string {
  if (choices !== undefined) return [...new Set([value ?? choices[0], ...choices])].join('|');
  if (value !== undefined)
    return typeof value === 'number' ? String(Number(value.toPrecision(4))) : JSON.stringify(value);
  return $ref === undefined && oneOf === undefined ? `<${type ?? 'value'}>` : `<${kind}>`;
}
