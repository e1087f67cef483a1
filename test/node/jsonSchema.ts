/** Whether a value conforms to a JSON Schema, for the keywords that the package's schemas use; others are an error. */

export type JsonSchema = boolean | { [keyword: string]: unknown };

type Check = (argument: never, value: unknown, schema: Record<string, unknown>, root: JsonSchema) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const types: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  null: (value) => value === null,
};

const number = (holds: (bound: number, value: number) => boolean) => (bound: number, value: unknown) =>
  typeof value !== 'number' || holds(bound, value);

const annotation = () => true;

const keywords: Record<string, Check> = {
  $schema: annotation,
  $defs: annotation,
  title: annotation,
  default: annotation,
  type: (type: string, value) => types[type](value),
  const: (constant: unknown, value) => value === constant,
  enum: (values: unknown[], value) => values.includes(value),
  minimum: number((bound, value) => value >= bound),
  maximum: number((bound, value) => value <= bound),
  exclusiveMinimum: number((bound, value) => value > bound),
  exclusiveMaximum: number((bound, value) => value < bound),
  multipleOf: number((bound, value) => value % bound === 0),
  minItems: (least: number, value) => !Array.isArray(value) || value.length >= least,
  properties: (properties: Record<string, JsonSchema>, value, _, root) =>
    !isObject(value) ||
    Object.entries(properties).every(
      ([key, schema]) => !Object.hasOwn(value, key) || conforms(schema, value[key], root),
    ),
  required: (keys: string[], value) => !isObject(value) || keys.every((key) => Object.hasOwn(value, key)),
  additionalProperties: (others: JsonSchema, value, { properties = {} }, root) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([key, inner]) => Object.hasOwn(properties as object, key) || (others !== false && conforms(others, inner, root)),
    ),
  propertyNames: (names: JsonSchema, value, _, root) =>
    !isObject(value) || Object.keys(value).every((key) => conforms(names, key, root)),
  items: (items: JsonSchema | JsonSchema[], value, _, root) =>
    !Array.isArray(value) ||
    value.every((item, i) => {
      const schema = Array.isArray(items) ? items[i] : items;
      return schema === undefined || conforms(schema, item, root);
    }),
  additionalItems: (_: false, value, { items }) => !Array.isArray(value) || value.length <= (items as unknown[]).length,
  anyOf: (options: JsonSchema[], value, _, root) => options.some((option) => conforms(option, value, root)),
  oneOf: (options: JsonSchema[], value, _, root) =>
    options.filter((option) => conforms(option, value, root)).length === 1,
  $ref: (pointer: string, value, _, root) => {
    const steps = pointer.split('/').slice(1);
    const schema = steps.reduce<unknown>((inside, step) => (inside as Record<string, unknown>)[step], root);
    return conforms(schema as JsonSchema, value, root);
  },
};

/** True when `value` conforms to `schema`; `root` is what references point into. */
export function conforms(schema: JsonSchema, value: unknown, root: JsonSchema = schema): boolean {
  if (typeof schema === 'boolean') return schema;
  return Object.entries(schema).every(([keyword, argument]) => {
    const check = keywords[keyword];
    if (check === undefined) throw new TypeError(`keyword '${keyword}' is not known here`);
    return check(argument as never, value, schema, root);
  });
}
