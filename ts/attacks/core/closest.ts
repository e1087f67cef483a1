/** The closest adversarial of each sample that an attack of minimum norm has met. */
import type { Batch } from './attack.js';
import { type Ball, balls, type Norm } from './norms.js';

export class Closest {
  /** `[n, size]`; the original where nothing was found. */
  readonly points: Float32Array;
  readonly distance: Float32Array;
  readonly #size: number;
  readonly #ball: Ball;

  /** @param batch the originals, and the ball that is asked for; of an infinite radius when it is the closest. */
  constructor(
    private readonly batch: Pick<Batch, 'x' | 'epsilon' | 'target'>,
    norm: Norm,
  ) {
    this.#size = batch.target.size;
    this.#ball = balls[norm];
    this.points = batch.x.slice();
    this.distance = new Float32Array(batch.x.length / this.#size).fill(Number.POSITIVE_INFINITY);
  }

  pointOf(i: number): Float32Array {
    return this.points.subarray(i * this.#size, (i + 1) * this.#size);
  }

  /** Takes an adversarial of sample `i`, in the box, if it is closer than the one before; says whether it is. */
  take(i: number, point: Float32Array): boolean {
    const size = this.#size;
    const [distance] = this.#ball.distances(point, this.batch.x.subarray(i * size, (i + 1) * size), size);
    if (distance >= this.distance[i]) return false;
    this.distance[i] = distance;
    this.points.set(point, i * size);
    return true;
  }

  has(i: number): boolean {
    return this.distance[i] < Number.POSITIVE_INFINITY;
  }

  /** Nothing closer is wanted of sample `i`: a ball was asked for, and this is in it; or it is the original. */
  enough(i: number): boolean {
    const { epsilon } = this.batch;
    return this.distance[i] <= (Number.isFinite(epsilon) ? epsilon : 0);
  }
}
