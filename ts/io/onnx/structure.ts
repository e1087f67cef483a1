/**
 * Containers out of a graph: layers one after another, and where two ways meet again in a sum or side by side, a container with
 * both. Whatever is made of sequences, residuals and concatenations only is found; each value belongs to one place then.
 */
import type { ModuleSpec } from '../../graph/containers.js';
import type { LayerSpec } from '../../ops/index.js';

/** A layer, or what joins ways, by numbers of the steps that it reads; the input is {@link start}. */
export interface Part {
  layer: LayerSpec | 'add' | 'concat';
  inputs: number[];
  /** What to call it in messages. */
  place: string;
}

export const start = -1;

/** How deep containers may lie in each other. */
const deepest = 100;

/**
 * The modules that lead to the last part.
 *
 * @returns also which parts cannot be written so.
 */
export function modulesOf(parts: readonly Part[]): { modules: ModuleSpec[]; problems: string[] } {
  const gates = dominators(parts);
  const problems: string[] = [];
  const used = new Set<number>();
  const chain = (end: number, from: number, depth: number): ModuleSpec[] => {
    const modules: ModuleSpec[] = [];
    for (let at = end; at !== from; ) {
      // A way that misses where it should begin comes from further up: it ends there.
      if (at === start || used.has(at) || depth > deepest) {
        const place = at === start ? 'the input' : parts[at].place;
        problems.push(`${place}: read in a way that is no sequence, sum or concatenation`);
        break;
      }
      used.add(at);
      const { layer, inputs } = parts[at];
      if (typeof layer !== 'string') {
        modules.push(layer);
        [at] = inputs;
        continue;
      }
      const gate = gates[at];
      const branches = inputs.map((input) => chain(input, gate, depth + 1));
      modules.push(layer === 'add' ? sum(branches) : { type: 'concat', branches });
      at = gate;
    }
    return modules.reverse();
  };
  const modules = chain(parts.length - 1, start, 0);
  return { modules, problems };
}

/** An identity is the shortcut, whichever comes first: sums are the same. */
function sum([first, second]: ModuleSpec[][]): ModuleSpec {
  return {
    type: 'residual',
    ...(first.length === 0 ? { main: second, shortcut: first } : { main: first, shortcut: second }),
  };
}

/** For each part the last one before it that all ways from the input to it go through. */
function dominators(parts: readonly Part[]): number[] {
  const gates: number[] = [];
  const common = (a: number, b: number): number => {
    let [x, y] = [a, b];
    while (x !== y) {
      if (x > y) x = gates[x];
      else y = gates[y];
    }
    return x;
  };
  for (const { inputs } of parts) gates.push(inputs.reduce(common));
  return gates;
}

/** Sums and concatenations of many ways as those of two: the first so many of which there is already, and one more. */
export function nested(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  /** Where each part stands now. */
  const places: number[] = [];
  const joined = new Map<string, number>();
  const place = (index: number): number => (index === start ? start : places[index]);
  for (const { layer, inputs, place: text } of parts) {
    const own = inputs.map(place);
    if (typeof layer !== 'string') {
      places.push(result.push({ layer, inputs: own, place: text }) - 1);
      continue;
    }
    let [at] = own;
    let key = `${layer}:${at}`;
    for (const next of own.slice(1)) {
      key = `${key},${next}`;
      at = joined.get(key) ?? result.push({ layer, inputs: [at, next], place: text }) - 1;
      joined.set(key, at);
    }
    places.push(at);
  }
  return result;
}
