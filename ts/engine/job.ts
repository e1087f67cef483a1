/** Long jobs inside the engine: steps of a generator, with progress sent out and cancellation let in. */
import type { JobMessage } from './protocol.js';

/** Longest time between looks at the messages. */
const patience = 25;

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

/**
 * Runs `steps` to its end; sends `report(value)` of every yielded value over `port`.
 *
 * @throws {DOMException} named AbortError when a message comes in over the port.
 */
export async function runJob<Value, Result, Progress>(
  steps: Generator<Value, Result, void>,
  port: MessagePort,
  report: (value: Value) => Progress,
): Promise<Result> {
  let cancelled = false;
  port.onmessage = () => {
    cancelled = true;
  };
  let looked = performance.now();
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
    const progress = report(next.value);
    if (progress !== undefined) port.postMessage({ progress } satisfies JobMessage<Progress>);
    if (performance.now() - looked > patience) {
      await nextTurn();
      looked = performance.now();
    }
    if (cancelled) {
      // Lets the generator give back what it holds.
      steps.return(undefined as Result);
      throw new DOMException('the operation was aborted', 'AbortError');
    }
  }
}

/** Tells the client that no more progress comes, whichever way the job ended. */
export function endJob(port: MessagePort): void {
  port.postMessage({ end: true } satisfies JobMessage<never>);
  port.close();
}
