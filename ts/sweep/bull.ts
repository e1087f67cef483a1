/** The queue that workers anywhere share: BullMQ's, in Redis or in PostgreSQL, by the address alone. */
import type { Processor, Queue, Worker, WorkerOptions } from 'bullmq';
import { notInstalled } from '../base/installed.js';
import { ConfigError } from '../index.js';
import type { Outcome } from './worker.js';

/** Of all sweeps: what a worker does does not depend on which it belongs to. */
const queueName = 'kwta';

/** What a job of the queue says: all that a worker needs beside the images. */
export interface QueuedJob {
  /** Hash of the sweep, and its config. */
  sweep: string;
  config: unknown;
  /** Where its results go, as seen from the one that leads. */
  folder: string;
  trial: number;
  options: Record<string, unknown>;
  seed: number;
  rung: number;
  /** Whoever works on it is to stop. */
  cancelled?: boolean;
}

export type SweepQueue = Queue<QueuedJob, Outcome>;
export type QueueWorker = Worker<QueuedJob, Outcome>;

/** A store of queues. */
export interface Store {
  queue(): SweepQueue;
  worker(process: Processor<QueuedJob, Outcome>, options: Omit<WorkerOptions, 'connection'>): QueueWorker;
  /** What a processor throws that has given its job back, and what it throws that is not to be tried again. */
  waiting(): Error;
  hopeless(message: string): Error;
}

/** @throws {ConfigError} for another address, a package that is missing, or a store that does not answer. */
export async function openStore(url: string): Promise<Store> {
  const scheme = /^(\w+):\/\//.exec(url)?.[1] ?? '';
  if (!['redis', 'rediss', 'postgres', 'postgresql'].includes(scheme)) {
    throw new ConfigError(`--queue: expected redis://... or postgres://..., got '${url}'`);
  }
  const bull = await loadBull();
  const rest = {
    waiting: (): Error => new bull.WaitingError(),
    hopeless: (message: string): Error => new bull.UnrecoverableError(message),
  };
  if (scheme.startsWith('redis')) {
    await checkRedis(url);
    const connection = { url, maxRetriesPerRequest: null };
    return {
      ...rest,
      queue: () => new bull.Queue(queueName, { connection }),
      worker: (process, options) => new bull.Worker(queueName, process, { ...options, connection }),
    };
  }
  await checkPostgres(url);
  const connection = { connectionString: url, migrate: true };
  const { createPostgresBackend } = bull;
  // Tables are made by one before many come.
  const first = new bull.Queue(queueName, { connection }, createPostgresBackend);
  await first.waitUntilReady();
  await first.close();
  return {
    ...rest,
    queue: () => new bull.Queue(queueName, { connection }, createPostgresBackend) as unknown as SweepQueue,
    worker: (process, options) =>
      new bull.Worker(queueName, process, { ...options, connection }, createPostgresBackend) as unknown as QueueWorker,
  };
}

async function checkRedis(url: string): Promise<void> {
  const { Redis } = await loadRedis();
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // The rejection below says the same.
  client.on('error', () => {});
  await answering(url, () => client.connect());
  client.disconnect();
}

async function checkPostgres(url: string): Promise<void> {
  const { default: pg } = await loadPostgres();
  const client = new pg.Client({ connectionString: url });
  await answering(url, () => client.connect());
  await client.end();
}

async function answering(url: string, connect: () => Promise<unknown>): Promise<void> {
  try {
    await connect();
  } catch (cause) {
    const reason = cause instanceof AggregateError ? (cause.errors[0] as Error).message : (cause as Error).message;
    throw new ConfigError(`--queue: ${withoutPassword(url)} does not answer: ${reason}`, { cause });
  }
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]*@/, ':***@');
}

async function loadBull(): Promise<typeof import('bullmq')> {
  try {
    return await import('bullmq');
  } catch (cause) {
    throw notInstalled('--queue', 'bullmq', 'hands out jobs', cause);
  }
}

async function loadRedis(): Promise<Pick<typeof import('ioredis'), 'Redis'>> {
  try {
    return await import('ioredis');
  } catch (cause) {
    throw notInstalled('--queue', 'ioredis', 'talks to Redis', cause);
  }
}

async function loadPostgres(): Promise<typeof import('pg')> {
  try {
    return await import('pg');
  } catch (cause) {
    throw notInstalled('--queue', 'pg', 'talks to PostgreSQL', cause);
  }
}
