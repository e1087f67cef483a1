/** Reads from the web, for both platforms. */

/** What hears of a file as it comes. */
export interface RestOptions extends Pick<FetchOptions, 'signal' | 'silence'> {
  /** Where the server begins: where it was asked to, or with the first byte. */
  onStart: (from: number) => void;
  /** `total` is that of the whole file, if the server says it. */
  onChunk: (chunk: Uint8Array, total?: number) => Promise<void>;
}

/** How a download is watched and stopped. */
export interface FetchOptions {
  signal?: AbortSignal;
  /** Milliseconds that the server may stay silent; for ever when left out. */
  silence?: number;
  /** The answer, before its body. */
  onResponse?: (response: Response) => void;
  /** `total` is absent when the server does not say. */
  onReceived?: (received: number, total?: number) => void;
}

/** What is at `url`; `undefined` when the server has nothing there. @throws when it answers otherwise, or not at all. */
export async function fetchBytes(
  url: string | URL,
  { signal, silence, onResponse, onReceived }: FetchOptions = {},
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const patience = new Patience(silence, signal);
  try {
    const response = await fetch(url, { signal: patience.signal });
    onResponse?.(response);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const total = Number(response.headers.get('content-length')) || undefined;
    const chunks: Uint8Array[] = [];
    let received = 0;
    for await (const chunk of chunksOf(response, patience)) {
      chunks.push(chunk);
      received += chunk.length;
      onReceived?.(received, total);
    }
    return joined(chunks, received);
  } finally {
    patience.end();
  }
}

/** Fetches a file from byte `from` on, or all of it where the server knows no ranges. @throws when it cannot be had. */
export async function fetchRest(
  url: string,
  from: number,
  { signal, silence, onStart, onChunk }: RestOptions,
): Promise<void> {
  const patience = new Patience(silence, signal);
  try {
    const headers = from > 0 ? { range: `bytes=${from}-` } : undefined;
    const response = await fetch(url, { signal: patience.signal, headers });
    // There is nothing behind what has come already.
    if (response.status === 416) return;
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const start = response.status === 206 ? from : 0;
    onStart(start);
    const length = Number(response.headers.get('content-length'));
    const total = length > 0 ? start + length : undefined;
    for await (const chunk of chunksOf(response, patience)) await onChunk(chunk, total);
  } finally {
    patience.end();
  }
}

/** Aborts what has been silent for too long. */
class Patience {
  readonly signal: AbortSignal;
  readonly #ending = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly silence: number | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.signal = signal === undefined ? this.#ending.signal : AbortSignal.any([signal, this.#ending.signal]);
    this.heard();
  }

  heard(): void {
    this.end();
    const { silence } = this;
    if (silence === undefined) return;
    this.#timer = setTimeout(() => this.#ending.abort(new Error(`no answer within ${silence / 1000} s`)), silence);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function* chunksOf(response: Response, patience: Patience): AsyncGenerator<Uint8Array, void, void> {
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
    patience.heard();
    yield next.value;
  }
}

/** `fetch` reports a network failure as "fetch failed" and keeps what happened in the cause. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}

function joined(chunks: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
