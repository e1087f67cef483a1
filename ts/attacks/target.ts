/** A model as an attack sees it: logits and input gradients, every query counted by sample. */
import type { InputGradient, Loss, Network } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';

/** Samples evaluated forward, and backward, by an attack. */
export interface Queries {
  forward: number;
  backward: number;
}

export class Target {
  readonly queries: Queries = { forward: 0, backward: 0 };

  constructor(readonly network: Network) {}

  /** Values of one sample. */
  get size(): number {
    return this.network.sampleSize;
  }

  get classes(): number {
    return this.network.classes;
  }

  /** Logits `[n, classes]`. */
  logits(x: Float32Array): Float32Array {
    this.queries.forward += x.length / this.size;
    return this.network.logits(x);
  }

  /** Predicted class of each sample. */
  predict(x: Float32Array): Int32Array {
    return argmax(this.logits(x), this.classes);
  }

  /** Loss, logits and gradient of each sample. */
  gradient(x: Float32Array, labels: ArrayLike<number>, loss: Loss): InputGradient {
    this.queries.forward += labels.length;
    this.queries.backward += labels.length;
    return this.network.inputGradient(x, labels, loss);
  }
}
