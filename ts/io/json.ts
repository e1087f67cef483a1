/** JSON texts in files, and what `JSON.parse` lets pass in them. */
import { DataError } from '../base/errors.js';

/**
 * The value of a JSON text in which no object has a key twice.
 *
 * @throws {DataError} naming the file and what it is there.
 */
export function parseJson(file: string, what: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: expected ${what} to be JSON`, { cause: error });
  }
  checkUniqueKeys(`${file}: ${what}`, text);
  return value;
}

/**
 * Checks that no object in a JSON text has a key twice: parsers disagree about which one counts.
 *
 * @param text valid JSON.
 * @throws {DataError} naming `where` and the key.
 */
export function checkUniqueKeys(where: string, text: string): void {
  /** Keys of the objects that are open; nothing for an array. */
  const open: (Set<string> | undefined)[] = [];
  let string = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const start = at;
      for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++;
      string = text.slice(start, at + 1);
    } else if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === ':') {
      // The string before it, whose escapes may hide that it is the same.
      const key = JSON.parse(string) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) throw new DataError(`${where}: expected each key once, got ${string} twice`);
      keys?.add(key);
    }
  }
}
