/** Batches prepared by another thread: the very ones that the engine would make, and ready when it asks. */
import { Worker } from 'node:worker_threads';
import { augment } from 'kwta';
import { expect, it } from 'vitest';
import { Batches } from '../../dist/train/batches.js';
import { createRing, RingReader } from '../../dist/train/ring.js';
import { stripes } from '../contract/toys.js';

const train = stripes(50, 1);
const spec = {
  augment: [augment.padCrop({ padding: 1 }), augment.flip(), augment.mixUp({ alpha: 0.5 })],
  batchSize: 16,
  seed: 3,
  epochs: 30,
};

/** Counts the batches that the engine makes by itself. */
class Counted extends Batches {
  made = 0;
  override at(step: number) {
    this.made++;
    return super.at(step);
  }
}

it('gives the same batches from any step on, and leaves none to an engine that takes its time', async () => {
  const expected = new Batches(train, spec);
  for (const [first, pause] of [
    [0, 20],
    [37, 20],
    [0, 0],
  ]) {
    const ring = createRing(train, spec.batchSize);
    const entry = new URL('../../dist/engine/entry.node.js', import.meta.url);
    const workerData = { role: 'preparer', train: train.toPlain(), spec, ring };
    const worker = new Worker(entry, { workerData });
    const own = new Counted(train, spec);
    try {
      await new Promise((resolve) => worker.once('message', resolve));
      const reader = new RingReader(ring, own, spec.batchSize, train.shape, first);
      for (let step = first; step < 80; step++) {
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
        expect(reader.at(step), `step ${step}`).toEqual(expected.at(step));
      }
    } finally {
      await worker.terminate();
    }
    // On a machine that does other things as well, the other thread may come too late now and then.
    if (pause > 0) expect(own.made).toBeLessThan(40);
  }
});
