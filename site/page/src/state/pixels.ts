/** Images as the page passes them on: grey pixels in [0, 1] of a fixed size, and bytes in an address. */

/** Height and width of all images here. */
export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** Pixels as base64url, a byte each. */
export function encodePixels(pixels: Float32Array): string {
  const bytes = Uint8Array.from(pixels, (pixel) => Math.round(255 * pixel));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The pixels again; undefined where the text is not of one image. */
export function decodePixels(text: string): Float32Array | undefined {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    if (bytes.length !== PIXELS) return undefined;
    return Float32Array.from(bytes, (byte) => byte.charCodeAt(0) / 255);
  } catch {
    return undefined;
  }
}
