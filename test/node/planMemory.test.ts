/**
 * A plan touches no memory but its own, and nothing of it that it should not rely on. Random networks run with
 * every buffer in a room of its own between guard words, every allocation between guard words, and every buffer
 * spoiled whenever its contents are not needed; the results must be those of the plan as it is, bit for bit.
 */
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { ConfigError, ShapeError } from 'kwta';
import { expect, inject, it } from 'vitest';
// From outside, neither addresses nor single steps can be seen.
import { buildGraph } from '../../dist/graph/graph.js';
import { Parameters } from '../../dist/graph/parameters.js';
import { Plan, type Purpose } from '../../dist/graph/plan.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import type { Kernels } from '../../dist/kernels/kernels.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { createSharedMemory } from '../../dist/kernels/memory.js';
import type { Buffer } from '../../dist/ops/buffer.js';
import { type CompressedValue, featureSize } from '../../dist/ops/op.js';
import { noise } from '../contract/support.js';
import { type Case, cases, randomState, samplesOf } from '../reference/randomNetworks.js';

const { runs, seed } = inject('random');

/** Words between two buffers: more than a kernel writes at once. */
const guard = 64;
/** Differs from place to place, so that copying one over another shows. */
const guardWord = (place: number): number => Math.imul(place, 0x9e3779b1) >>> 0;
/** NaN as a float, far outside of any buffer as an index. */
const spoiled = 0x7fc0dead;

/** Kernels whose every allocation lies between guard words; `check` looks at all of them. */
function guardAllocations(kernels: Kernels): { check(where: string): void } {
  const allocate = kernels.allocate.bind(kernels);
  const free = kernels.free.bind(kernels);
  const around = new Map<number, number>();
  const bytes = guard * 4;
  const guards = (pointer: number, size: number): Uint32Array[] => [
    kernels.u32(pointer - bytes, guard),
    kernels.u32(pointer + Math.ceil(size / 4) * 4, guard),
  ];
  const check = (where: string): void => {
    for (const [pointer, size] of around) {
      for (const words of guards(pointer, size)) {
        if (words.some((word, i) => word !== guardWord(words.byteOffset + i))) {
          expect.fail(`${where}: wrote outside of an allocation`);
        }
      }
    }
  };
  kernels.allocate = (size, purpose) => {
    const pointer = allocate(size + 2 * bytes + 4, purpose) + bytes;
    for (const words of guards(pointer, size))
      words.forEach((_, i) => {
        words[i] = guardWord(words.byteOffset + i);
      });
    around.set(pointer, size);
    return pointer;
  };
  kernels.free = (pointer, size) => {
    check('before an allocation is given back');
    expect(around.get(pointer)).toBe(size);
    around.delete(pointer);
    free(pointer - bytes, size + 2 * bytes + 4);
  };
  return { check };
}

/** What a run of a plan gives. */
interface Results {
  logits: Float32Array;
  winners: Uint32Array[];
  /** Derivatives of the logits along directions; what layers compare, with its derivatives. */
  slopes: Float32Array[];
  /** For each backward pass. */
  gradients: { input: Float32Array | undefined; parameters: unknown }[];
  /** Parameters and running statistics. */
  parameters: unknown;
}

/** Everything that a network needs to be run plan by plan. */
class Subject {
  readonly #graph;
  readonly #parameters: Parameters;
  readonly #state;
  readonly #before;

  constructor(
    readonly item: Case,
    readonly kernels: Kernels,
    updateRunning: boolean,
  ) {
    this.#graph = buildGraph(item.spec);
    this.#parameters = new Parameters(kernels, this.#graph);
    this.#state = { seed: item.seed, step: 3, passes: 0, updateRunning };
    this.#before = randomState(this.#parameters.read('data'), item.seed);
    this.#parameters.needGradients();
  }

  /** Derivatives along directions are refused where they say nothing. */
  isAffineInPieces(workspace: Workspace): boolean {
    const purpose: Purpose = {
      ...{ mode: 'eval', inputGradient: false, parameterGradients: false, keepChoices: false },
      ...{ tangents: true, retain: false, recompute: false },
    };
    try {
      this.plan(purpose, 1, workspace).dispose();
      return true;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      expect(error.message).toContain('affine');
      return false;
    }
  }

  plan(purpose: Purpose, batch: number, workspace: Workspace): Plan {
    return new Plan(this.#graph, purpose, batch, this.#parameters.byName, this.#state, workspace);
  }

  /** Runs a plan, its backward half once for each cotangent; `turn` may look at it before each. */
  run(plan: Plan, cotangents: number[], turn: () => void = () => {}): Results {
    const { item, kernels } = this;
    this.#parameters.write(this.#before);
    const n = item.labels.length;
    const { inputGradient, parameterGradients, keepChoices, tangents } = plan.purpose;
    const x = samplesOf(item).data;
    plan.forward(x, n, tangents ? noise(item.seed + 1, x.length) : undefined);
    const logits = plan.readLogits(n);
    const gradients = cotangents.map((cotangent) => {
      turn();
      for (const { gradient } of this.#parameters.byName.values()) {
        kernels.f32(gradient.pointer, gradient.length).fill(0);
      }
      if (inputGradient || parameterGradients) {
        kernels.f32(plan.logitsGradient.pointer, logits.length).set(noise(cotangent, logits.length));
      }
      plan.backward(n);
      const input = inputGradient ? plan.readInputGradient(n) : undefined;
      return { input, parameters: this.#parameters.read('gradient') };
    });
    const winners = keepChoices
      ? plan.chosen.flatMap(({ choice }) => (choice.kind === 'kwta' ? this.#winners(choice.chosen) : []))
      : [];
    const slopes = tangents ? [plan.readLogitsTangent(n)] : [];
    if (keepChoices) {
      for (const { choice, slope } of plan.chosen) {
        for (const value of slope === undefined ? [choice.input] : [choice.input, slope]) {
          slopes.push(kernels.f32(value.data.pointer, n * featureSize(value.features)).slice());
        }
      }
    }
    return { logits, winners, slopes, gradients, parameters: this.#parameters.read('data') };
  }

  /** Offsets, channels and values of the entries of each sample. */
  #winners({ features, capacity, start, channel, value }: CompressedValue): Uint32Array[] {
    const { kernels } = this;
    const pixels = features.h * features.w;
    return this.item.labels.flatMap((_, s) => {
      const offsets = kernels.u32(start.pointer + 4 * s * (pixels + 1), pixels + 1).slice();
      const entries = [channel, value].map(({ pointer }) => kernels.u32(pointer + 4 * s * capacity, offsets[pixels]));
      return [offsets, ...entries.map((words) => words.slice())];
    });
  }

  dispose(): void {
    this.#parameters.dispose();
  }
}

/** Gives every buffer of `plan` a room of its own in memory between guard words, and watches what its steps touch. */
class WatchedPlan {
  readonly #plan: Plan;
  readonly #kernels: Kernels;
  readonly #pointer: number;
  readonly #words: number;
  readonly #places: { buffer: Buffer; from: number; to: number }[] = [];

  constructor(plan: Plan, kernels: Kernels, watch: (where: string) => void) {
    this.#plan = plan;
    this.#kernels = kernels;
    plan.place();
    let next = guard;
    for (const buffer of plan.buffers) {
      this.#places.push({ buffer, from: next, to: next + buffer.length });
      next += Math.ceil(buffer.length / guard) * guard + guard;
    }
    this.#words = next;
    this.#pointer = kernels.allocate(this.#words * 4, 'a watched plan');
    for (const { buffer, from } of this.#places) buffer.assign(this.#pointer + from * 4);
    const memory = this.#memory;
    for (let word = 0; word < memory.length; word++) memory[word] = guardWord(word);
    for (const { from, to } of this.#places) this.#memory.fill(spoiled, from, to);
    const turn = plan.forwardSteps.length + 1;
    for (const [i, step] of plan.forwardSteps.entries()) this.#watch(step, i + 1, `forward step ${i}`, watch);
    for (const [i, step] of plan.backwardSteps.entries()) this.#watch(step, turn + 1 + i, `backward step ${i}`, watch);
  }

  /** To be called between the passes: what the caller writes there must have room. */
  turn(): void {
    const { plan, time } = { plan: this.#plan, time: this.#plan.forwardSteps.length + 1 };
    this.#spoil(time);
    const { inputGradient, parameterGradients } = plan.purpose;
    const written = inputGradient || parameterGradients ? [plan.logitsGradient] : [];
    for (const buffer of [plan.labels, plan.losses, ...written]) {
      expect(this.#neededAt(plan.buffers.indexOf(buffer), time), 'a buffer that the caller writes').toBe(true);
    }
  }

  dispose(): void {
    this.#kernels.free(this.#pointer, this.#words * 4);
  }

  get #memory(): Uint32Array {
    return this.#kernels.u32(this.#pointer, this.#words);
  }

  #neededAt(buffer: number, time: number): boolean {
    return this.#plan.lifetimes[buffer].intervals.some(({ first, last }) => first <= time && time <= last);
  }

  /** Nothing may rely on what a buffer holds before its first use, after its last, or between two intervals. */
  #spoil(time: number): void {
    for (const [i, { from, to }] of this.#places.entries()) {
      if (!this.#neededAt(i, time)) this.#memory.fill(spoiled, from, to);
    }
  }

  #watch(
    step: { uses: Buffer[]; run(n: number): void },
    time: number,
    name: string,
    watch: (where: string) => void,
  ): void {
    const run = step.run.bind(step);
    step.run = (n) => {
      this.#spoil(time);
      const before = this.#memory.slice();
      run(n);
      watch(name);
      const after = this.#memory;
      const used = new Set(step.uses);
      let checked = 0;
      const unchanged = (to: number, what: string): void => {
        for (; checked < to; checked++) {
          if (after[checked] !== before[checked]) expect.fail(`${name}: wrote to ${what}`);
        }
      };
      for (const [i, { buffer, from, to }] of this.#places.entries()) {
        unchanged(from, `guard words before buffer ${i}`);
        if (used.has(buffer)) checked = to;
        else unchanged(to, `buffer ${i}, which it does not declare`);
      }
      unchanged(this.#words, 'guard words at the end');
    };
  }
}

/** Undefined when batch norm meets too few values to be trained. */
function resultsOf(run: () => Results): Results | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return undefined;
  }
}

const purposes = fc
  .record({
    mode: fc.constantFrom('train' as const, 'eval' as const),
    inputGradient: fc.boolean(),
    parameterGradients: fc.boolean(),
    keepChoices: fc.boolean(),
    retain: fc.boolean(),
    recompute: fc.boolean(),
    tangents: fc.boolean(),
  })
  .map((purpose) => ({ ...purpose, tangents: purpose.tangents && purpose.mode === 'eval' }));

/** The threaded build runs here on the calling thread alone. */
it.each(['simd', 'simd-threads'] as const)(
  'plans keep to their buffers (%s)',
  { timeout: 60_000 + 1000 * runs },
  async (variant) => {
    const module = await WebAssembly.compile(await readFile(wasmUrl(variant)));
    const kernels = await loadKernels(variant, module, variant === 'simd' ? undefined : createSharedMemory());
    const { check } = guardAllocations(kernels);
    const workspace = new Workspace(kernels);
    let steps = 0;
    const property = fc.property(cases, purposes, fc.nat(3), fc.boolean(), (item, wished, spare, updateRunning) => {
      const subject = new Subject(item, kernels, updateRunning);
      const batch = item.labels.length + spare;
      const purpose = { ...wished, tangents: wished.tangents && subject.isAffineInPieces(workspace) };
      const plain = subject.plan({ ...purpose, retain: false }, batch, workspace);
      const cotangents = purpose.retain ? [1, 2] : [1];
      const plan = subject.plan(purpose, batch, workspace);
      const watched = new WatchedPlan(plan, kernels, check);
      try {
        const once = cotangents.map((cotangent) => resultsOf(() => subject.run(plain, [cotangent])));
        const [first] = once;
        if (first === undefined) return;
        const gradients = once.flatMap((results) => results?.gradients ?? []);
        expect(subject.run(plan, cotangents, () => watched.turn())).toEqual({ ...first, gradients });
        steps += plan.forwardSteps.length + plan.backwardSteps.length;
      } finally {
        watched.dispose();
        plain.dispose();
        plan.dispose();
        subject.dispose();
      }
    });
    fc.assert(property, { seed, numRuns: runs });
    expect(steps).toBeGreaterThan(5 * runs);
  },
);
