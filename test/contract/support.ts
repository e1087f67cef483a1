/** What the contract tests share: runtimes by variant, comparisons of tensors, expectations about errors, reports without their dates. */
import {
  createRuntime,
  type FitRun,
  type KwtaError,
  MemoryError,
  nn,
  type Runtime,
  type RuntimeOptions,
  type Tensor,
  type TrainState,
  type Variant,
} from 'kwta';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { relaxedSimd } from 'wasm-feature-detect';

/** Memory can be shared: everywhere in Node, on isolated pages in browsers. */
export const shared = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true;

const supported: Record<Variant, boolean> = {
  simd: true,
  'simd-threads': shared,
  'relaxed-threads': shared && (await relaxedSimd()),
};

/** A suite that holds on every build of the kernels; those that the platform cannot run are visibly skipped. */
export function describeVariants(name: string, suite: (runtime: () => Runtime) => void): void {
  for (const [variant, runs] of Object.entries(supported) as [Variant, boolean][]) {
    describe.skipIf(!runs)(`${name} (${variant})`, () =>
      suite(useRuntime({ variant, threads: variant === 'simd' ? 1 : 2 })),
    );
  }
}

/** A runtime for the tests of one suite. */
export function useRuntime(options: RuntimeOptions = { threads: 2 }): () => Runtime {
  let runtime: Runtime;
  beforeAll(async () => {
    // Pages without shared memory run on one thread; asking for more is a warning there.
    runtime = await createRuntime(shared ? options : { ...options, threads: 1 });
  });
  afterAll(() => runtime?.dispose());
  return () => runtime;
}

/**
 * Expects the shape and, within `tolerance`, the values: relative to the value, with the tensor's root mean
 * square as the least yardstick, because a sum that cancels carries the rounding of its terms.
 */
export function expectClose(actual: Tensor, expected: Tensor, tolerance: number, what = 'tensor'): void {
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  expectValues(actual.data, expected.data, tolerance, what);
}

/** {@link expectClose} of bare values. */
export function expectValues(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  expect(actual.length, `${what}: number of values`).toBe(expected.length);
  let squares = 0;
  for (let i = 0; i < expected.length; i++) squares += expected[i] ** 2;
  const scale = Math.sqrt(squares / Math.max(expected.length, 1));
  let worst = 0;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    const error = difference === 0 ? 0 : difference / Math.max(Math.abs(expected[i]), scale);
    if (!(error <= worst)) [worst, at] = [error, i];
  }
  expect(worst, `${what}: value ${at} is ${actual[at]}, expected ${expected[at]}`).toBeLessThanOrEqual(tolerance);
}

/** Expects the same keys, and values as {@link expectClose} does. */
export function expectAllClose(
  actual: Record<string, Tensor>,
  expected: Record<string, Tensor>,
  tolerance: number,
): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) expectClose(actual[name], value, tolerance, name);
}

/**
 * Expects an error of this class, with its code, whose message holds or matches every one of `parts`.
 *
 * @param failing a call that throws or a promise that rejects.
 */
export async function expectError(
  failing: (() => unknown) | PromiseLike<unknown>,
  type: new (message: string) => KwtaError,
  ...parts: (string | RegExp)[]
): Promise<void> {
  const error = await caught(failing);
  expect(error).toBeInstanceOf(type);
  expect((error as KwtaError).code).toBe(new type('').code);
  expect((error as KwtaError).name).toBe(type.name);
  for (const part of parts) expect((error as KwtaError).message).toMatch(part);
}

/** What a call throws or a promise rejects with; undefined when neither happens. */
export async function caught(failing: (() => unknown) | PromiseLike<unknown>): Promise<unknown> {
  try {
    await (typeof failing === 'function' ? failing() : failing);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Asks again until it is so. */
export async function until(there: () => Promise<boolean>): Promise<void> {
  while (!(await there())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Takes a run that is held up to a step, where it is held again, and says its state there. */
export async function stateAt(run: FitRun, step: number): Promise<TrainState> {
  // What it needs may still be on its way.
  await until(() =>
    run.state().then(
      () => true,
      () => false,
    ),
  );
  const steps = step - (await run.state()).step;
  if (steps > 0) await run.resume({ steps });
  await until(async () => (await run.state()).step === step);
  return run.state();
}

/** What a report says as JSON, without what depends on the moment. */
export function timeless(report: unknown): unknown {
  return JSON.parse(JSON.stringify(report), (key, value) => (['seconds', 'date'].includes(key) ? 0 : value));
}

/** Size of wasm memory, which never shrinks: what the runtime says when asked for more than there can be. */
export async function mebibytesInUse(runtime: Runtime): Promise<number> {
  const failure = await caught(
    runtime.model(nn.sequential([nn.flatten(), nn.linear({ out: 2 ** 28 })], { input: [1, 4, 4] })),
  );
  expect(failure).toBeInstanceOf(MemoryError);
  return Number(/\((\d+) MiB in use\)/.exec((failure as Error).message)?.[1]);
}

/** Pseudo-random values in [-1, 1), the same on every platform. */
export function noise(seed: number, length: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

/** A tensor of {@link noise}. */
export function noiseTensor(seed: number, ...shape: number[]): Tensor {
  return {
    shape,
    data: noise(
      seed,
      shape.reduce((a, b) => a * b, 1),
    ),
  };
}

/** The numbers 0 to n - 1 in a pseudo-random order. */
export function shuffled(seed: number, n: number): number[] {
  const keys = noise(seed, n);
  return Array.from({ length: n }, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
}
