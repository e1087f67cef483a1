// comlink ships its Node adapter without types for this path.
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { Endpoint } from 'comlink';

  /** A worker thread or message port of Node as an endpoint. */
  export default function nodeEndpoint(port: { postMessage(message: unknown): void }): Endpoint;
}
