/** The module of Node's threads, asked for when the program runs, so that no bundler looks for it. */

/** `undefined` where this is neither Node nor a runtime like it. */
export function nodeThreads(): typeof import('node:worker_threads') | undefined {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  return process?.getBuiltinModule?.('node:worker_threads');
}
