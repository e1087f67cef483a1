/**
 * Long jobs inside the engine. A job is a generator: between its steps progress goes out, and other calls come
 * in. While it runs it holds its models: nobody disposes or overwrites them, and only one job at a time changes
 * them. A job that is to end gets no further step; who needs its models waits for that.
 */
import { compact } from '../base/compact.js';
import { ConfigError } from '../base/errors.js';
import type { JobHandle, JobMessage } from './protocol.js';

/** Longest time between looks at the messages. */
const patience = 25;

/** What a job is called in messages, and the models that it holds. */
export interface Claim {
  name: string;
  models: readonly string[];
  /** It changes its models: no other job may hold them when it begins. */
  alone: boolean;
}

class Job {
  /** Its models are held. */
  holds = false;
  /** Why it is to end, once it is. */
  stop: Error | undefined;
  /** Ends the wait that it is in, if it is in one. */
  wake: () => void = () => {};
  /** Resolves when it has given back all it held. */
  readonly ended: Promise<void>;
  end: () => void = () => {};

  constructor(readonly claim: Claim) {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** It gets no further step, for the first reason that is given. */
  endFor(reason: Error): void {
    this.stop ??= reason;
    this.wake();
  }
}

export class Jobs {
  readonly #jobs = new Map<number, Job>();
  #failed = false;

  /**
   * Runs the steps that `start` gives to their end; waits for a promise that is yielded, and sends `report(value)` of every
   * other value over the port, unless that is undefined.
   *
   * @throws {ConfigError} when another job holds a model that this one changes. {DOMException} named AbortError
   *   after {@link cancel}.
   */
  async run<Value, Result, Progress>(
    { id, port }: JobHandle,
    claim: Claim,
    start: () => Generator<Value | Promise<void>, Result, void>,
    report: (value: Value) => Progress,
  ): Promise<Result> {
    const job = new Job(claim);
    this.#jobs.set(id, job);
    let steps: Generator<Value | Promise<void>, Result, void> | undefined;
    try {
      if (claim.alone) await this.whenFree(claim.models, claim.name, () => this.#hold(job));
      else this.#hold(job);
      steps = start();
      let looked = performance.now();
      for (;;) {
        if (job.stop !== undefined) throw job.stop;
        const next = steps.next();
        if (next.done) return next.value;
        if (next.value instanceof Promise) {
          const { value } = next;
          await new Promise<void>((resolve, reject) => {
            job.wake = resolve;
            value.then(resolve, reject);
          });
          looked = performance.now();
          continue;
        }
        const progress = report(next.value);
        if (progress !== undefined) port.postMessage({ progress: compact(progress) } satisfies JobMessage<Progress>);
        if (performance.now() - looked > patience) {
          await nextTurn();
          looked = performance.now();
        }
      }
    } finally {
      // Lets the generator give back what it holds; in a broken engine nothing can be.
      if (!this.#failed) steps?.return(undefined as Result);
      this.#jobs.delete(id);
      job.end();
    }
  }

  /** Ends a job before its next step; does nothing when it has ended. */
  cancel(id: number): void {
    this.#jobs.get(id)?.endFor(new DOMException('the operation was aborted', 'AbortError'));
  }

  /** Ends all jobs, whose memory cannot be trusted any more. */
  fail(reason: Error): void {
    this.#failed = true;
    for (const job of this.#jobs.values()) job.endFor(reason);
  }

  /**
   * Does what no job that holds one of the models may see, once those that are ending have ended.
   *
   * @throws {ConfigError} naming `wish` and the job when one holds a model and goes on.
   */
  async whenFree<T>(models: readonly string[], wish: string, action: () => T): Promise<T> {
    for (;;) {
      const holder = [...this.#jobs.values()].find(
        ({ holds, claim }) => holds && claim.models.some((model) => models.includes(model)),
      );
      if (holder === undefined) return action();
      if (holder.stop === undefined) {
        throw new ConfigError(
          `${wish}: expected a model that no job holds, but ${holder.claim.name} is running on it; ` +
            'await that call or abort it first',
        );
      }
      await holder.ended;
    }
  }

  #hold(job: Job): void {
    if (job.stop !== undefined) throw job.stop;
    job.holds = true;
  }
}

/** Lets messages that have arrived be handled. A message channel turns faster than a timer. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

/** Tells the client that no more progress comes, whichever way the job ended. */
export function endJob(port: MessagePort): void {
  port.postMessage({ end: true } satisfies JobMessage<never>);
  port.close();
}
