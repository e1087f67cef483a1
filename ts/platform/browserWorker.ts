/** Workers in browsers: how one is started, how long that may take, and how its end is noticed. */
import { ConfigError, WorkerLostError } from '../base/errors.js';
import { isUrl } from '../base/paths.js';
import type { WorkerHandle, WorkerProgram } from './platform.js';

/** What a new worker is told first. */
export interface FirstMessage {
  role: object;
  /** A lock that it holds as long as it lives, where the browser has locks. */
  lock?: string;
}

/** Seconds that a worker may take until it answers; its code has to be loaded. */
const patience = 30;

const remedy =
  "expected its code at an address of the page's origin that the content security policy allows (worker-src): in " +
  "Vite's development server put optimizeDeps: { exclude: ['kwta'] }; with a bundler that does not follow new Worker, or " +
  "from another origin, import 'kwta/inline' (needs worker-src blob:), or give `worker` to initialize of 'kwta/slim'";

/** See `Platform.spawn`. */
export async function spawnWorker(
  name: string,
  program: WorkerProgram,
  role: object,
  lost: (reason: string) => void,
): Promise<WorkerHandle> {
  const worker = start(name, program);
  const ending = new AbortController();
  const lock = navigator.locks === undefined ? undefined : `kwta ${crypto.randomUUID()}`;
  try {
    await answer(name, worker, { role, lock });
  } catch (error) {
    worker.terminate();
    throw error;
  }
  worker.addEventListener('error', ({ message }) => lost(`${name} died: ${message || 'for no reason given'}`));
  if (lock !== undefined) {
    // Nobody says that a browser has killed a worker, but its locks are free then.
    const request = navigator.locks.request(lock, { signal: ending.signal }, () => lost(`${name} died: it was ended`));
    request.catch(() => {});
  }
  return {
    endpoint: worker,
    ref: () => {},
    unref: () => {},
    terminate: async () => {
      ending.abort();
      worker.terminate();
    },
  };
}

function start(name: string, program: WorkerProgram): Worker {
  if (typeof Worker === 'undefined') {
    throw new ConfigError(
      `${name}: expected a browser with workers, found none; in tests take the environment of Node, not a stand-in for a browser`,
    );
  }
  try {
    const place = program();
    return typeof place === 'string' || isUrl(place) ? workerAt(new URL(place, location.href)) : place;
  } catch (cause) {
    throw new WorkerLostError(`${name} did not start: ${(cause as Error).message}; ${remedy}`, { cause });
  }
}

/** A worker of another origin is imported by one of ours. */
function workerAt(place: URL): Worker {
  if (place.origin === location.origin) return new Worker(place, { type: 'module' });
  const bridge = new Blob([`import ${JSON.stringify(place.href)};`], { type: 'text/javascript' });
  const url = URL.createObjectURL(bridge);
  // Not revoked: when the browser has read it, nobody says.
  return new Worker(url, { type: 'module' });
}

/** Waits for the worker's first word. */
function answer(name: string, worker: Worker, first: FirstMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    // Seconds in which this page ran: a machine that sleeps in between is not slow.
    let seconds = 0;
    const clock = setInterval(() => {
      if (++seconds < patience) return;
      end();
      reject(new WorkerLostError(`${name} did not start within ${patience} s; ${remedy}`));
    }, 1000);
    const end = (): void => {
      clearInterval(clock);
      worker.removeEventListener('message', ready);
      worker.removeEventListener('error', failed);
    };
    const ready = (): void => {
      end();
      resolve();
    };
    const failed = ({ message }: ErrorEvent): void => {
      end();
      const reason = message ? message : `its script could not be loaded; ${remedy}`;
      reject(new WorkerLostError(`${name} did not start: ${reason}`));
    };
    worker.addEventListener('message', ready);
    worker.addEventListener('error', failed);
    worker.postMessage(first);
  });
}
