/** SHA-256 and SHA-512 by the platform's WebCrypto, the same in Node and in browsers. */
import { ConfigError } from '../base/errors.js';
import type { Tensor } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import { encodeSafetensors } from '../io/safetensors.js';

/** Samples hashed at once: bounds memory. */
const together = 256;

/** 64 hexadecimal digits. @throws {ConfigError} on a page that was not loaded securely. */
export function sha256(bytes: Uint8Array): Promise<string> {
  return digestOf('SHA-256', bytes);
}

/** 128 hexadecimal digits. @throws {ConfigError} on a page that was not loaded securely. */
export function sha512(bytes: Uint8Array): Promise<string> {
  return digestOf('SHA-512', bytes);
}

async function digestOf(algorithm: string, bytes: Uint8Array): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new ConfigError(
      'evaluateRobustness: expected a secure page (https or localhost) to hash weights and samples, got another',
    );
  }
  const digest = await crypto.subtle.digest(algorithm, new Uint8Array(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Of text. */
export function textHash(text: string): Promise<string> {
  return sha256(new TextEncoder().encode(text));
}

/** Of a state dict: the hash of a safetensors file with nothing else in it. */
export function weightsHash(stateDict: Record<string, Tensor>): Promise<string> {
  return sha256(encodeSafetensors({ tensors: stateDict, metadata: {} }));
}

/** Of a dataset's pixels (as 32-bit floats) and labels: the hash of the hashes of 256 samples each. */
export async function dataHash(data: Dataset): Promise<string> {
  const parts: string[] = [data.shape.join()];
  for (const { x, labels } of data.batches(together)) {
    const bytes = new Uint8Array(x.data.byteLength + labels.byteLength);
    bytes.set(new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength));
    bytes.set(new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength), x.data.byteLength);
    parts.push(await sha256(bytes));
  }
  return textHash(parts.join());
}
