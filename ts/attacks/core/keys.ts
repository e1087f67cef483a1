/**
 * A key of each sample's own for its random numbers, from the seed, the attack, its pixels and its class: what is
 * drawn for a sample depends neither on its neighbours nor on its place among them.
 */

const TWO_21 = 2 ** 21;

/** Rotates 32 bits to the left. */
function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** MurmurHash3 (Appleby), 32 bits, of words. */
class Hash {
  #state: number;
  #words = 0;

  constructor(seed: number) {
    this.#state = seed;
  }

  add(word: number): void {
    const mixed = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    this.#state = (Math.imul(rotate(this.#state ^ mixed, 13), 5) + 0xe6546b64) | 0;
    this.#words++;
  }

  end(): number {
    let h = this.#state ^ (4 * this.#words);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }
}

/**
 * A whole number from 0 to 2^53 - 1.
 *
 * @param seed likewise.
 * @param attack the attack's type.
 * @param pixels of the sample.
 * @param goal its class.
 * @param attempt 32 bits; runs of different ones draw different numbers.
 */
export function sampleKey(seed: number, attack: string, pixels: Float32Array, goal: number, attempt = 0): number {
  const bits = new Int32Array(pixels.slice().buffer);
  const [low, high] = [0x9747b28c, 0x3c6ef372].map((start) => {
    const hash = new Hash(start);
    hash.add(seed | 0);
    hash.add(Math.floor(seed / 2 ** 32));
    for (let i = 0; i < attack.length; i++) hash.add(attack.charCodeAt(i));
    hash.add(goal);
    if (attempt !== 0) hash.add(attempt);
    for (let i = 0; i < bits.length; i++) hash.add(bits[i]);
    return hash.end();
  });
  return low * TWO_21 + (high >>> 11);
}
