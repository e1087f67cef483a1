/** Compiles the kernels. What came instead of them is told with its address, its type and a remedy. */
import { ConfigError, DataError } from '../base/errors.js';
import { type FetchOptions, fetchBytes, reasonOf } from './web.js';

/** Milliseconds without a byte after which a load has failed. */
const silence = 10_000;

const remedy =
  "serve the package's .wasm files as they are, as application/wasm (in Vite's development server " +
  "optimizeDeps: { exclude: ['kwta'] } leaves them where they are), or import 'kwta/inline', which needs none";

/** The kernels at a web address. @throws {DataError} when something else is there, or nothing comes for 10 s. */
export async function fetchWasm(url: string | URL): Promise<WebAssembly.Module> {
  let type: string | undefined;
  const options: FetchOptions = {
    silence,
    onResponse: ({ headers }) => {
      type = typeOf(headers);
    },
  };
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = await fetchBytes(url, options);
  } catch (cause) {
    throw new DataError(`cannot load ${url}: ${reasonOf(cause)}; ${remedy}`, { cause });
  }
  if (bytes === undefined) throw new DataError(`cannot load ${url}: the server answered 404; ${remedy}`);
  return compileBytes(String(url), bytes, type);
}

/** The kernels in a response. @throws {DataError} when something else is in it. */
export async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  const from = response.url || 'the response';
  if (!response.ok) throw new DataError(`cannot load ${from}: the server answered ${response.status}; ${remedy}`);
  if (response.bodyUsed) throw new ConfigError(`${from}: expected a response whose body was not read yet`);
  return compileBytes(from, new Uint8Array(await response.arrayBuffer()), typeOf(response.headers));
}

/**
 * @param from where the bytes are from, for messages.
 * @param type what a server called them.
 * @throws {DataError} when they are not WebAssembly; {ConfigError} when the page's policy forbids it.
 */
export async function compileBytes(
  from: string,
  bytes: Uint8Array<ArrayBuffer>,
  type?: string,
): Promise<WebAssembly.Module> {
  const found = type === undefined ? 'other bytes' : `'${type}'`;
  if (![0, 0x61, 0x73, 0x6d].every((byte, i) => bytes[i] === byte)) {
    throw new DataError(`cannot load ${from}: expected a WebAssembly module, got ${found}; ${remedy}`);
  }
  if (type !== undefined && !/^application\/(wasm|octet-stream)\b/.test(type)) {
    console.warn(`kwta: ${from} was served as ${found}, expected application/wasm: a proxy may change other types`);
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw forbidden(cause) ?? new DataError(`cannot load ${from}: ${(cause as Error).message}; ${remedy}`, { cause });
  }
}

/** The error to throw when `cause` is a policy's refusal of WebAssembly. */
export function forbidden(cause: unknown): ConfigError | undefined {
  const { message } = cause as Error;
  if (!/content security policy|unsafe-eval|code generation disallowed/i.test(message)) return undefined;
  return new ConfigError(
    "createRuntime: expected a content security policy that allows WebAssembly: add 'wasm-unsafe-eval' to script-src " +
      `(${message})`,
    { cause },
  );
}

function typeOf(headers: Headers): string {
  return headers.get('content-type') ?? 'no content type';
}
