/**
 * CRC-32 (the polynomial of gzip and PNG), eight bytes at a time: finds every change of up to 32 neighbouring bits, and all
 * but one in four thousand million of the others.
 */

const POLYNOMIAL = 0xedb88320;

/** Table `k`, byte `b` at `256 k + b`: what `b` with `k` zero bytes behind it leaves. */
const tables = makeTables();

function makeTables(): Uint32Array {
  const all = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
    all[byte] = rest;
  }
  for (let at = 256; at < all.length; at++) all[at] = (all[at - 256] >>> 8) ^ all[all[at - 256] & 255];
  return all;
}

/** As a number of 32 bits. */
export function crc32(bytes: Uint8Array): number {
  const t = tables;
  let rest = 0xffffffff;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = rest ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
    rest =
      t[1792 + (low & 255)] ^
      t[1536 + ((low >>> 8) & 255)] ^
      t[1280 + ((low >>> 16) & 255)] ^
      t[1024 + (low >>> 24)] ^
      t[768 + bytes[at + 4]] ^
      t[512 + bytes[at + 5]] ^
      t[256 + bytes[at + 6]] ^
      t[bytes[at + 7]];
  }
  for (; at < bytes.length; at++) rest = (rest >>> 8) ^ t[(rest ^ bytes[at]) & 255];
  return ~rest >>> 0;
}

/** The same in eight hexadecimal digits. */
export function crc32Text(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
