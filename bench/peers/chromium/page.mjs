/** The page: hands requests to a worker, where kernels may wait for each other, and answers back. */
const worker = new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' });

/** @type {((answer: object) => void) | undefined} */
let settle;
worker.onmessage = ({ data }) => settle?.(data);
worker.onerror = ({ message }) => settle?.({ error: message || 'the worker did not start' });

/** @param {unknown} message */
const ask = (message) =>
  new Promise((resolve) => {
    settle = resolve;
    worker.postMessage(message);
  });

Object.assign(globalThis, { ask });
