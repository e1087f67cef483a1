/** Bytes as text. */

/** Characters that a call takes as arguments at once. */
const together = 2 ** 15;

export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let from = 0; from < bytes.length; from += together) {
    text += String.fromCharCode(...bytes.subarray(from, from + together));
  }
  return btoa(text);
}

export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
