// Saved models and checkpoints among the corrupted files: each is refused, or is the very model that was saved.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createRuntime, nn } from '../../dist/index.js';
import { encodeModel } from '../../dist/io/checkpoint.js';
import { decodeCheckpoint } from '../../dist/train/checkpoint.js';
import { runs, spec, train } from './runs.mjs';

/** The result of reading is not what the file says. */
export class Wrong extends Error {}

/** What a file may be refused with. A parameter may have become so large that the network meets a value beyond all. */
export const REFUSALS = ['DataError', 'ShapeError', 'ConfigError', 'MemoryError', 'DivergedError'];

/** Loads files in a runtime that is started anew when one has broken it. */
export class SavedModels {
  /** @type {import('../../dist/client/runtime.js').Runtime | undefined} */
  #runtime;

  /** @param {string} folder */
  constructor(folder) {
    this.file = path.join(folder, 'model');
  }

  /** @returns {Promise<import('./corruption.mjs').Subject>} */
  async model() {
    const layers = [
      nn.conv2d({ out: 3, kernel: 3, padding: 1, stride: 2 }),
      nn.batchNorm2d(),
      nn.kwta({ gamma: 0.3 }),
      nn.maxPool2d({ kernel: 2 }),
      nn.residual({ main: [nn.conv2d({ out: 3, kernel: 1 }), nn.relu()] }),
      nn.flatten(),
      nn.dropout({ p: 0.1 }),
      nn.linear({ out: 4 }),
    ];
    const runtime = await this.#alive();
    const model = await runtime.model(nn.sequential(layers, { input: [2, 8, 6] }));
    const stateDict = await model.stateDict();
    await model.dispose();
    return this.#subject('a saved model', encodeModel(model.spec, stateDict), { spec: model.spec, stateDict });
  }

  /** @returns {Promise<import('./corruption.mjs').Subject>} */
  async checkpoint() {
    const runtime = await this.#alive();
    const model = await runtime.model(spec);
    // It holds all that a run without averages can: moments, and a perturbation that goes from step to step.
    await model.fit(train, { ...runs['free, momentum, annealed'], checkpoint: { path: this.file } });
    const bytes = new Uint8Array(readFileSync(this.file));
    const whole = decodeCheckpoint('file', bytes);
    // With the gamma that it has come to.
    const saved = { spec: whole.state.model, stateDict: await model.stateDict() };
    await model.dispose();
    return this.#subject('a checkpoint', bytes, saved, (corrupted) => {
      if (!isDeepStrictEqual(decodeCheckpoint('file', corrupted), whole)) throw new Wrong('the state is another');
    });
  }

  /**
   * @param {string} name
   * @param {Uint8Array} bytes
   * @param {{ spec: unknown, stateDict: unknown }} saved
   * @param {(bytes: Uint8Array) => void} [check]
   */
  #subject(name, bytes, saved, check) {
    const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    return {
      name,
      weight: 4,
      bytes,
      headerPlace: (/** @type {import('../../dist/base/random.js').Random} */ random) => random.integer(header),
      read: async (/** @type {Uint8Array} */ corrupted) => {
        await this.#read(corrupted, saved);
        check?.(corrupted);
      },
    };
  }

  /**
   * @param {Uint8Array} bytes
   * @param {{ spec: unknown, stateDict: unknown }} saved
   */
  async #read(bytes, saved) {
    writeFileSync(this.file, bytes);
    const runtime = await this.#alive();
    try {
      const model = await runtime.load(this.file);
      if (!isDeepStrictEqual({ spec: model.spec, stateDict: await model.stateDict() }, saved)) {
        throw new Wrong('the model is not the one that was saved');
      }
      await model.logits({ shape: [1, ...model.input], data: new Float32Array(model.input.reduce((a, b) => a * b)) });
      await model.dispose();
    } catch (error) {
      if (!REFUSALS.includes(/** @type {Error} */ (error).name)) await this.dispose();
      throw error;
    }
  }

  async #alive() {
    this.#runtime ??= await createRuntime({ threads: 1 });
    return this.#runtime;
  }

  async dispose() {
    await this.#runtime?.dispose();
    this.#runtime = undefined;
  }
}
