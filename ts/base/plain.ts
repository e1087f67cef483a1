/**
 * Plain data: numbers, strings, true and false, null, arrays, and objects without a class. Whatever realm they were
 * made in, and whoever may change them later, what is checked is a copy.
 */
import { describe } from './tensor.js';

/** What is wrong with a value, and where in it. */
export interface Problem {
  /** Keys and indices from the outside in. */
  path: readonly PropertyKey[];
  /** "expected ..., got ..." */
  message: string;
}

/** Keys that would reach an object's class; no data have them, and schemas of values by name would drop them. */
const classKeys: readonly string[] = ['__proto__', 'constructor', 'prototype'];

/** Deeper nesting than anybody writes. */
const deepest = 100;

/** An object literal of any realm, or one made by `JSON.parse` or `Object.create(null)`. */
function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Copies plain data; keys whose value is undefined are left out. Adds to `problems` whatever is not plain: objects of
 * a class, properties that a function computes, values that contain themselves.
 */
export function plainCopy(value: unknown, problems: Problem[]): unknown {
  const copy = (value: unknown, path: readonly PropertyKey[], outside: readonly object[]): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const refuse = (message: string): undefined => {
      problems.push({ path, message });
    };
    if (outside.includes(value)) return refuse('expected plain data, got a value that contains itself');
    if (path.length > deepest) return refuse(`expected at most ${deepest} levels of plain data, got more`);
    const around = [...outside, value];
    if (Array.isArray(value)) return Array.from(value, (item, i) => copy(item, [...path, i], around));
    if (!isPlainObject(value)) return refuse(`expected plain data, got ${describe(value)}`);
    const entries: [string, unknown][] = [];
    for (const key of Object.keys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key);
      const inner = [...path, key];
      if (classKeys.includes(key)) refuse(`unknown option '${key}'`);
      else if (property?.get) problems.push({ path: inner, message: 'expected plain data, got a getter' });
      else if (property?.value !== undefined) entries.push([key, copy(property.value, inner, around)]);
    }
    return Object.fromEntries(entries);
  };
  return copy(value, [], []);
}

/** `layers[3].main[0].stride` */
export function pathText(path: readonly PropertyKey[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
}

/** All problems of `argument` in one line. */
export function problemsText(argument: string, problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${argument}${pathText(path)}: ${message}`).join('; ');
}
