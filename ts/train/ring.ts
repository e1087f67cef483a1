/**
 * Batches that another worker prepares while the engine computes: a few places in shared memory, used in turn. The engine
 * takes what is ready and makes what is not by itself, to the same bits, so that it never waits. The other worker stays
 * ahead of it by as many batches as there are places, and sleeps when it is.
 *
 * Control words: the next step that the engine will ask for; then, for each place, one more than the step whose batch is in
 * it. Before a place is written again, the engine has gone past what was in it.
 */
import { Dataset, type DatasetFields } from '../data/dataset.js';
import { Batches, type StepBatch } from './batches.js';
import type { FitSpec } from './spec.js';

/** More than one, so that an epoch's smaller last batch, or a sleeping core, is made up for. */
const places = 3;

const wanted = 0;

/** What the other worker is given. */
export interface Preparation {
  train: DatasetFields;
  spec: Pick<FitSpec, 'augment' | 'batchSize' | 'seed' | 'epochs'>;
  ring: SharedArrayBuffer;
}

/** Shared memory for batches of such samples. */
export function createRing({ shape }: DatasetFields, batchSize: number): SharedArrayBuffer {
  return new SharedArrayBuffer(placeAt(places, batchSize, shape));
}

/** The engine's side. */
export class RingReader {
  readonly #control: Int32Array;

  /** @param step the first that will be asked for. */
  constructor(
    private readonly ring: SharedArrayBuffer,
    private readonly batches: Batches,
    private readonly batchSize: number,
    private readonly shape: DatasetFields['shape'],
    step: number,
  ) {
    this.#control = new Int32Array(ring, 0, 1 + places);
    this.#want(step);
  }

  /** As `Batches.at`. */
  at(step: number): StepBatch {
    const place = step % places;
    const ready = Atomics.load(this.#control, 1 + place) === step + 1;
    const batch = ready ? this.#read(place) : this.batches.at(step);
    this.#want(step + 1);
    return batch;
  }

  #want(step: number): void {
    Atomics.store(this.#control, wanted, step + 1);
    Atomics.notify(this.#control, wanted);
  }

  /** A copy, for the place is written again soon. */
  #read(place: number): StepBatch {
    const { head, labels, mixed, shares, x } = viewsOf(this.ring, place, this.batchSize, this.shape);
    const [n, mixes] = head;
    const size = x.length / this.batchSize;
    const targets = { labels: Int32Array.from(labels.subarray(0, n)) };
    const values = Float32Array.from(x.subarray(0, n * size));
    if (mixes === 0) return { x: values, targets };
    const second = { labels: Int32Array.from(mixed.subarray(0, n)), shares: Float64Array.from(shares.subarray(0, n)) };
    return { x: values, targets: { ...targets, mixed: second } };
  }
}

/** The other worker's side: prepares batches to the end of the run. */
export function prepareBatches({ train, spec, ring }: Preparation): void {
  const batches = new Batches(Dataset.fromPlain(train), spec);
  const control = new Int32Array(ring, 0, 1 + places);
  const last = spec.epochs * batches.perEpoch;
  for (let step = -1; ; ) {
    const asked = Atomics.load(control, wanted);
    // Nothing is asked for before the engine knows where it begins.
    if (asked === 0 || step + 1 >= asked - 1 + places) {
      Atomics.wait(control, wanted, asked);
      continue;
    }
    step = Math.max(step + 1, asked - 1);
    if (step >= last) return;
    write(viewsOf(ring, step % places, spec.batchSize, train.shape), batches.at(step));
    Atomics.store(control, 1 + (step % places), step + 1);
  }
}

interface Views {
  /** How many samples, and whether their targets are mixed. */
  head: Int32Array;
  labels: Int32Array;
  mixed: Int32Array;
  shares: Float64Array;
  x: Float32Array;
}

function write({ head, labels, mixed, shares, x }: Views, { x: values, targets }: StepBatch): void {
  head.set([targets.labels.length, Number(targets.mixed !== undefined)]);
  labels.set(targets.labels);
  if (targets.mixed !== undefined) {
    mixed.set(targets.mixed.labels);
    shares.set(targets.mixed.shares);
  }
  x.set(values);
}

/** Bytes of one place, a multiple of eight: head, two labels and a share for each sample, and its pixels. */
function placeBytes(batchSize: number, [c, h, w]: DatasetFields['shape']): number {
  return 8 + batchSize * 16 + Math.ceil((batchSize * c * h * w) / 2) * 8;
}

/** Where a place begins, behind the control words. */
function placeAt(place: number, batchSize: number, shape: DatasetFields['shape']): number {
  return 8 * Math.ceil((1 + places) / 2) + place * placeBytes(batchSize, shape);
}

function viewsOf(ring: SharedArrayBuffer, place: number, batchSize: number, shape: DatasetFields['shape']): Views {
  const [c, h, w] = shape;
  const at = placeAt(place, batchSize, shape);
  return {
    head: new Int32Array(ring, at, 2),
    labels: new Int32Array(ring, at + 8, batchSize),
    mixed: new Int32Array(ring, at + 8 + 4 * batchSize, batchSize),
    shares: new Float64Array(ring, at + 8 + 8 * batchSize, batchSize),
    x: new Float32Array(ring, at + 8 + 16 * batchSize, batchSize * c * h * w),
  };
}
