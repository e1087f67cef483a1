/** A long call as its caller sees it: progress reported, an abort obeyed at once, errors of the caller's own code. */
import { ConfigError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import type { JobMessage, Reply } from '../engine/protocol.js';

/** How a long job is watched and stopped. */
export interface JobOptions<Progress> {
  /** Stops the call, which then throws the reason of the signal. */
  signal?: AbortSignal;
  /** What it throws ends the job; so does the rejection of a promise that it returns, which the job waits for. */
  onProgress?: (progress: Progress) => unknown;
}

/** Time in milliseconds for the engine to end a job in order, with all its progress reported, before the call rejects. */
const grace = 50;

/**
 * Waits for the reply to `start`, with all progress that was made before it reported.
 *
 * @param name of the call, in messages.
 * @param lost rejects when there will be no reply.
 * @throws the signal's reason, or what `onProgress` failed with; the job has then been told to end by `cancel`.
 */
export async function watchJob<T, Progress>(
  name: string,
  start: (port: MessagePort) => Promise<Reply<T>>,
  cancel: () => void,
  lost: Promise<never>,
  { signal, onProgress }: JobOptions<Progress>,
): Promise<Reply<T>> {
  checkJobOptions(name, signal, onProgress);
  signal?.throwIfAborted();
  const { port1, port2 } = new MessageChannel();
  /** What the caller's own code is still doing with progress. */
  const reports = new Set<Promise<unknown>>();
  let stopped: { reason: unknown } | undefined;
  let onStop = (): void => {};
  const whenStopped = new Promise<void>((resolve) => {
    onStop = resolve;
  });
  const stop = (reason: unknown): void => {
    if (stopped !== undefined) return;
    stopped = { reason };
    cancel();
    onStop();
  };
  const abort = (): void => stop(signal?.reason);
  const report = (progress: Progress): void => {
    // After an error of its own, the caller has heard enough.
    if (stopped !== undefined && !signal?.aborted) return;
    try {
      const result = onProgress?.(progress);
      if (!isThenable(result)) return;
      const settled = Promise.resolve(result).catch(stop);
      reports.add(settled);
      void settled.then(() => reports.delete(settled));
    } catch (error) {
      stop(error);
    }
  };
  const drained = new Promise<void>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<JobMessage<Progress>>) => {
      if ('end' in data) resolve();
      else report(data.progress);
    };
  });
  signal?.addEventListener('abort', abort, { once: true });
  let clear = (): void => {};
  try {
    const replied = start(port2).then(async (reply) => {
      // It may overtake the progress that was sent before it.
      await drained;
      await Promise.all(reports);
      return reply;
    });
    const given = whenStopped.then(
      () =>
        new Promise<undefined>((resolve) => {
          const timer = setTimeout(resolve, grace);
          clear = () => clearTimeout(timer);
        }),
    );
    const reply = await Promise.race([replied, given, lost]);
    if (stopped !== undefined) throw (stopped as { reason: unknown }).reason;
    return reply as Reply<T>;
  } finally {
    clear();
    signal?.removeEventListener('abort', abort);
    port1.close();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** @throws {ConfigError} for a signal or a listener that is none. */
function checkJobOptions(name: string, signal: unknown, onProgress: unknown): void {
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.throwIfAborted !== 'function') {
    throw new ConfigError(`${name}.signal: expected an AbortSignal, got ${describe(signal)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ConfigError(`${name}.onProgress: expected a function, got ${describe(onProgress)}`);
  }
}
