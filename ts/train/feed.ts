/**
 * Batches that the client reads while the engine computes, over a port: the engine asks for a few ahead and waits for one that
 * is not there yet. Nothing is shared, so that it works in every page.
 */
import { fromPlainError, type PlainError } from '../base/errors.js';
import type { StepBatch } from './batches.js';
import type { Supply, TrainingSource } from './source.js';
import type { FitSpec } from './spec.js';

/** Batches that are asked for before they are needed. */
export const ahead = 3;

/** Batches of steps, or all samples in order, beginning with 0 each time. */
export type FeedKind = 'steps' | 'inOrder';

/** To the client. */
export interface FeedRequest {
  kind: FeedKind;
  at: number;
}

/** From the client, in the order of the requests; after an error nothing more comes. */
export type FeedReply = { batch: StepBatch } | { error: PlainError };

/** What the engine is told of a stream. */
export interface FeedInfo {
  name: string;
  shape: [number, number, number];
  classes: number;
  length: number;
  fingerprint: string;
}

/** The engine's side. */
export class Feed implements TrainingSource {
  readonly name: string;
  readonly length: number;
  readonly fingerprint: string;
  /** What has been asked for and has not come, oldest first. */
  readonly #asked: { request: FeedRequest; place: Map<number, StepBatch> }[] = [];
  #failure: Error | undefined;
  #wake: { resolve: () => void; reject: (error: Error) => void } | undefined;

  constructor(
    { name, length, fingerprint }: FeedInfo,
    private readonly spec: Pick<FitSpec, 'batchSize' | 'epochs'>,
    private readonly port: MessagePort,
  ) {
    this.name = name;
    this.length = length;
    this.fingerprint = fingerprint;
    port.onmessage = ({ data }: MessageEvent<FeedReply>) => this.#receive(data);
  }

  steps(from: number): Supply {
    return this.#supply('steps', from, this.spec.epochs * this.#perEpoch);
  }

  inOrder(): Supply {
    return this.#supply('inOrder', 0, this.#perEpoch);
  }

  get #perEpoch(): number {
    return Math.ceil(this.length / this.spec.batchSize);
  }

  #supply(kind: FeedKind, from: number, count: number): Supply {
    const there = new Map<number, StepBatch>();
    let next = from;
    const ready = (at: number): Promise<void> | undefined => {
      for (; next < Math.min(at + ahead, count); next++) {
        const request = { kind, at: next };
        this.#asked.push({ request, place: there });
        this.port.postMessage(request satisfies FeedRequest);
      }
      return there.has(at) ? undefined : this.#until(() => there.has(at));
    };
    const take = (at: number): StepBatch => {
      const batch = there.get(at) as StepBatch;
      there.delete(at);
      return batch;
    };
    return { count, ready, at: take };
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve, reject) => {
        this.#wake = { resolve, reject };
      });
    }
  }

  #receive(reply: FeedReply): void {
    if ('error' in reply) {
      this.#failure = fromPlainError(reply.error);
      this.#wake?.reject(this.#failure);
      return;
    }
    const first = this.#asked.shift();
    first?.place.set(first.request.at, reply.batch);
    this.#wake?.resolve();
  }
}
