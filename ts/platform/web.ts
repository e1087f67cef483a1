/** Reads from the web, for both platforms. */

/** How a download is watched and stopped. */
export interface FetchOptions {
  signal?: AbortSignal;
  /** Milliseconds that the server may stay silent; for ever when left out. */
  silence?: number;
  /** `total` is absent when the server does not say. */
  onReceived?: (received: number, total?: number) => void;
}

/** What is at `url`; `undefined` when the server has nothing there. @throws when it answers otherwise, or not at all. */
export async function fetchBytes(
  url: string | URL,
  { signal, silence, onReceived }: FetchOptions = {},
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const ending = new AbortController();
  const stop = (): void => ending.abort(new Error(`no answer within ${(silence ?? 0) / 1000} s`));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    if (silence !== undefined) timer = setTimeout(stop, silence);
  };
  heard();
  try {
    const response = await fetch(url, {
      signal: signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]),
    });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const total = Number(response.headers.get('content-length')) || undefined;
    const chunks: Uint8Array[] = [];
    let received = 0;
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
      heard();
      chunks.push(next.value);
      received += next.value.length;
      onReceived?.(received, total);
    }
    return joined(chunks, received);
  } finally {
    clearTimeout(timer);
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
