/** Ctrl-C and `kill` as an AbortSignal: the work in hand ends by itself and cleans up. */

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type SignalName = keyof typeof EXIT_CODES;

/** The reason of the abort. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: SignalName) {
    super(`interrupted by ${signal}`);
    // What aborted work throws is known by this name.
    this.name = 'AbortError';
    this.exitCode = EXIT_CODES[signal];
  }
}

/**
 * Runs `work` with a signal that the first Ctrl-C aborts; the second ends the process at once.
 *
 * @param onInterrupt what to tell the user.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, onInterrupt: () => void): Promise<T> {
  const controller = new AbortController();
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(EXIT_CODES[name as SignalName]);
    onInterrupt();
    controller.abort(new Interrupted(name as SignalName));
  };
  process.on('SIGINT', handle).on('SIGTERM', handle);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', handle).off('SIGTERM', handle);
  }
}
