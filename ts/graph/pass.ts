/**
 * One forward run of a network over `n` samples, and what can be asked of it while it is alive: logits, and
 * vector-Jacobian products for any cotangent of the logits `[n, classes]`. Named losses stay in wasm, because that is
 * fast.
 */

import { isFloat32Array } from '../base/arrays.js';
import { type Loss, losses as lossNames } from './losses.js';
import type { Network } from './network.js';
import type { Plan } from './plan.js';
import type { Workspace } from './workspace.js';

/** The cotangent that a named loss has: the gradient of each sample's loss by its logits, times `scale`. */
export interface LossCotangent {
  loss: Loss;
  /** One class a sample. */
  labels: ArrayLike<number>;
  /** 1 when left out; -1 leads down the loss. */
  scale?: number;
  /**
   * Where the gradient of a cross entropy vanishes in 32 bits, because the sample is classified without any doubt, its
   * direction is kept, or the margin's is taken where that is lost, too.
   */
  unsaturated?: boolean;
}

/** A named loss's, or `[n, classes]` made of what the pass has answered. */
export type Cotangent = LossCotangent | ((pass: Pass) => Float32Array);

/** The answers of a pass as probabilities. */
export interface Softmax {
  /** `[n, classes]` */
  probabilities: Float32Array;
  /** log sum exp of each sample's logits. */
  logSums: Float64Array;
}

/** Made by `Network.forward`. */
export class Pass {
  #walked = false;

  constructor(
    private readonly network: Network,
    readonly plan: Plan,
    readonly n: number,
    private readonly workspace: Workspace,
    private readonly run: number,
  ) {}

  /** A copy of the logits, `[n, classes]`. */
  logits(): Float32Array {
    this.#checkAlive();
    return this.plan.readLogits(this.n);
  }

  /** The loss of each sample, `[n]`. @throws {ConfigError} when the model has too few classes for it. */
  losses(loss: Loss, labels: ArrayLike<number>): Float32Array {
    this.#checkAlive();
    const { network, plan, n } = this;
    const { kernels } = this.workspace;
    network.checkLoss(loss);
    kernels.u32(plan.labels.pointer, n).set(labels);
    const sizes = [lossNames.indexOf(loss), n, network.classes] as const;
    kernels.exports.losses(...sizes, plan.logits.data.pointer, plan.labels.pointer, plan.losses.pointer);
    return kernels.f32(plan.losses.pointer, n).slice();
  }

  /** The probabilities of all classes `[n, classes]`, and log sum exp of each sample's logits; before {@link backward}. */
  softmax(): Softmax {
    const { classes } = this.network;
    const logits = this.logits();
    // Cross entropy towards the first class is the one less its logit; its gradient the other, less one there.
    const losses = this.#setLossCotangent({ loss: 'crossEntropy', labels: new Uint32Array(this.n) });
    const logSums = Float64Array.from(losses, (loss, i) => loss + logits[i * classes]);
    const probabilities = this.workspace.kernels.f32(this.plan.logitsGradient.pointer, this.n * classes).slice();
    for (let i = 0; i < this.n; i++) probabilities[i * classes] += 1;
    return { probabilities, logSums };
  }

  /**
   * Runs the backward half: the gradients that `Network.forward` was asked for, of the sum of logits times cotangent.
   *
   * @param cotangent `[n, classes]`, or that of a named loss.
   * @param options.accumulate adds to the parameter gradients of the run before, instead of replacing them.
   * @returns the loss of each sample for a named one, without scale; nothing otherwise.
   * @throws {ConfigError} when the model has too few classes for the loss.
   */
  backward(cotangent: LossCotangent, options?: { accumulate?: boolean }): Float32Array;
  backward(cotangent: Float32Array, options?: { accumulate?: boolean }): undefined;
  backward(
    cotangent: LossCotangent | Float32Array,
    { accumulate = false }: { accumulate?: boolean } = {},
  ): Float32Array | undefined {
    this.#checkAlive();
    const { plan, n, network } = this;
    const { inputGradient, parameterGradients, retain } = plan.purpose;
    if (!inputGradient && !parameterGradients) throw new TypeError('the pass was not asked for gradients');
    if (this.#walked && !retain) throw new TypeError('the pass ran backward already, and was not told to retain');
    const losses = isFloat32Array(cotangent) ? this.#setCotangent(cotangent) : this.#setLossCotangent(cotangent);
    this.#walked = true;
    if (accumulate) network.parameters.accumulate(() => plan.backward(n));
    else plan.backward(n);
    return losses;
  }

  /** The samples' gradient, channels last, where it lies: valid until the next pass. */
  inputGradientView(): Float32Array {
    this.#checkAlive();
    return this.plan.viewInputGradient(this.n);
  }

  /** Whether all values of the samples' gradient are finite. */
  hasFiniteGradient(): boolean {
    const { byteOffset, length } = this.inputGradientView();
    return this.workspace.kernels.exports.all_finite(length, byteOffset);
  }

  /** A copy of the samples' gradient, `[n, C, H, W]`, after {@link backward}. */
  inputGradient(): Float32Array {
    this.#checkAlive();
    return this.plan.readInputGradient(this.n);
  }

  #setCotangent(cotangent: Float32Array): undefined {
    const length = this.n * this.network.classes;
    if (cotangent.length !== length)
      throw new TypeError(`expected a cotangent of ${length} values, got ${cotangent.length}`);
    this.workspace.kernels.f32(this.plan.logitsGradient.pointer, length).set(cotangent);
  }

  #setLossCotangent({ loss, labels, scale = 1, unsaturated = false }: LossCotangent): Float32Array {
    const values = this.losses(loss, labels);
    this.#writeCotangent(loss, scale);
    if (unsaturated && loss === 'crossEntropy' && this.network.classes > 1) this.#restoreSaturated(labels, scale);
    return values;
  }

  /** The gradient of a loss by the logits, for the classes that are in the plan. */
  #writeCotangent(loss: Loss, scale: number): void {
    const { plan, n, network } = this;
    const { logits, labels, logitsGradient } = plan;
    const sizes = [lossNames.indexOf(loss), n, network.classes] as const;
    this.workspace.kernels.exports.loss_gradient(
      ...sizes,
      logits.data.pointer,
      labels.pointer,
      scale,
      logitsGradient.pointer,
    );
  }

  /** Mends the cotangent of samples whose cross entropy is saturated: see {@link LossCotangent}. */
  #restoreSaturated(labels: ArrayLike<number>, scale: number): void {
    const { classes } = this.network;
    const place = this.workspace.kernels.f32(this.plan.logitsGradient.pointer, this.n * classes);
    const rowOf = (all: Float32Array, i: number) => all.subarray(i * classes, (i + 1) * classes);
    const saturated = Array.from({ length: this.n }, (_, i) => i).filter((i) => place[i * classes + labels[i]] === 0);
    if (saturated.length === 0) return;
    const whole = place.slice();
    this.#writeCotangent('margin', scale);
    const margins = place.slice();
    place.set(whole);
    for (const i of saturated) {
      place.set(restored(rowOf(whole, i), labels[i], scale) ?? rowOf(margins, i), i * classes);
    }
  }

  #checkAlive(): void {
    if (!this.workspace.runs(this.run)) throw new TypeError('the pass is over: another one ran in its place');
  }
}

/**
 * The direction of a cross entropy whose largest probability has been rounded to 1, brought to the length of `scale`;
 * nothing when the other probabilities are zero in 32 bits, too.
 */
function restored(gradient: Float32Array, label: number, scale: number): Float32Array | undefined {
  let sum = 0;
  for (const value of gradient) sum += Math.abs(value);
  if (sum === 0) return undefined;
  const result = gradient.map((value) => (value / sum) * Math.abs(scale));
  result[label] = -scale;
  return result;
}
