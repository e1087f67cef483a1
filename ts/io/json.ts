/** What `JSON.parse` lets pass. */
import { DataError } from '../base/errors.js';

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
