// The public API as text: what the declarations of the package's entries export, with every type that these name, without
// comments. Two builds with the same text can be used by the same programs. What a schema's type is, thousands of characters
// that nobody reads, stands there as its hash.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** @typedef {{ file: string, name: string }} Place what a file declares or exports under a name */
/** @typedef {{ text: Map<string, string[]>, from: Map<string, Place>, exported: Set<string>, stars: string[] }} Declarations `exported`: which names others may import */

/**
 * @param {string} dist
 * @param {Record<string, string>} entries their names, and the files of their declarations below dist
 */
export function publicApi(dist, entries) {
  const reader = new Reader(dist);
  const lines = [];
  /** @type {Map<string, string>} */
  const named = new Map();
  /** @type {Place[]} */
  const queue = [];
  for (const [entry, file] of Object.entries(entries)) {
    const exported = [...reader.exportsOf(file)].sort(([a], [b]) => (a < b ? -1 : 1));
    lines.push(`// ${entry}: ${exported.map(([name]) => name).join(', ')}`);
    queue.push(...exported.map(([, place]) => place));
  }
  for (const place of queue) {
    const key = `${place.file} ${place.name}`;
    if (named.has(key)) continue;
    if (place.name === '*') {
      const exported = [...reader.exportsOf(place.file)];
      named.set(
        key,
        `namespace of ${place.file}: ${exported
          .map(([name]) => name)
          .sort()
          .join(', ')}`,
      );
      queue.push(...exported.map(([, each]) => each));
      continue;
    }
    const { text, from } = reader.read(place.file);
    const own = text.get(place.name);
    if (own === undefined) continue;
    named.set(key, own.map(shortened).join('\n'));
    for (const [name] of own.join('\n').matchAll(/[A-Za-z_$][\w$]*/g)) {
      if (text.has(name)) queue.push({ file: place.file, name });
      const other = from.get(name);
      if (other !== undefined) queue.push(reader.origin(other) ?? other);
    }
  }
  const sorted = [...named].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${[...lines, ...sorted.map(([key, text]) => `\n// ${key}\n${text}`)].join('\n')}\n`;
}

/** Characters of a declaration that are shown at most. */
const longest = 1500;

/** @param {string} text */
function shortened(text) {
  if (text.length <= longest) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${text.slice(0, 120).replace(/\s+/g, ' ')} ... (${text.length} characters, ${hash})`;
}

/** Reads files of declarations as the compiler writes them: each begins its statements at the margin. */
class Reader {
  /** @type {Map<string, Declarations>} */
  #files = new Map();
  /** @type {Map<string, Map<string, Place>>} */
  #exports = new Map();

  /** @param {string} dist */
  constructor(dist) {
    this.dist = dist;
  }

  /**
   * @param {string} file
   * @returns {Declarations}
   */
  read(file) {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    /** @type {Declarations} */
    const found = { text: new Map(), from: new Map(), exported: new Set(), stars: [] };
    this.#files.set(file, found);
    const code = readFileSync(path.join(this.dist, file), 'utf8')
      .replace(/\/\*.*?\*\//gs, '')
      .replace(/^\s*\/\/.*$/gm, '');
    for (const statement of code.split(/\n(?=[a-z])/))
      this.#take(file, statement.replace(/\n\s*\n/g, '\n').trim(), found);
    return found;
  }

  /**
   * @param {string} file
   * @param {string} statement
   * @param {Declarations} found
   */
  #take(file, statement, found) {
    const isExported = statement.startsWith('export');
    const [, clause, origin] =
      /^(?:import|export)\s+(?:type\s+)?(\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s+from\s+'([^']+)'/s.exec(statement) ?? [];
    if (clause !== undefined) {
      if (!origin.startsWith('.')) return;
      const target = path.posix.join(path.posix.dirname(file), origin).replace(/\.js$/, '.d.ts');
      const [, namespace] = /^\*\s+as\s+(\w+)/.exec(clause) ?? [];
      const names = [...clause.matchAll(/(?:type\s+)?(\w+)(?:\s+as\s+(\w+))?\s*[,}]/g)];
      for (const [name, as] of namespace === undefined ? names.map(([, name, as]) => [name, as]) : [['*', namespace]]) {
        found.from.set(as ?? name, { file: target, name });
        if (isExported) found.exported.add(as ?? name);
      }
      if (clause === '*') found.stars.push(target);
      return;
    }
    const [, name] =
      /^(?:export\s+)?(?:declare\s+)?(?:abstract\s+)?(?:class|interface|type|const|function|let|enum)\s+(\w+)/.exec(
        statement,
      ) ?? [];
    if (name === undefined) return;
    found.text.set(name, [...(found.text.get(name) ?? []), statement]);
    if (isExported) found.exported.add(name);
  }

  /**
   * What a file exports, by name, and where it is declared.
   * @param {string} file
   * @returns {Map<string, Place>}
   */
  exportsOf(file) {
    const known = this.#exports.get(file);
    if (known !== undefined) return known;
    const { text, from, exported, stars } = this.read(file);
    const all = new Map(stars.flatMap((star) => [...this.exportsOf(star)]));
    this.#exports.set(file, all);
    for (const name of exported) {
      const place = from.get(name);
      if (text.has(name) || place === undefined) all.set(name, { file, name });
      else all.set(name, this.origin(place) ?? place);
    }
    return all;
  }

  /**
   * Where what a file exports under a name is declared.
   * @param {Place} place
   * @returns {Place | undefined}
   */
  origin(place) {
    return place.name === '*' ? place : this.exportsOf(place.file).get(place.name);
  }
}
