// ONNX Runtime for Node: installed beside other tools, outside the checkout, when it is first asked for.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { cache, run } from '../lib/steps.mjs';

const version = '1.30.0';

/** @typedef {{ data: Float32Array, dims: readonly number[] }} Values */
/** @typedef {{ inputNames: string[], run: (inputs: Record<string, Values>) => Promise<Record<string, Values>> }} Session */
/**
 * What is used of the package.
 * @typedef {object} OnnxRuntime
 * @property {{ create: (file: string) => Promise<Session> }} InferenceSession
 * @property {new (type: 'float32', data: Float32Array, shape: number[]) => Values} Tensor
 */

/**
 * Logits of networks in ONNX.
 * @param {string} folder
 * @param {readonly { file: string, x: string, shape: number[] }[]} networks files in the folder, of the network and of float32 pixels of a shape
 * @returns {Promise<{ version: string, logits: Float32Array[] }>}
 */
export async function logitsInNode(folder, networks) {
  const place = path.join(cache, `onnxruntime-node-${version}`);
  if (!existsSync(path.join(place, 'node_modules/onnxruntime-node/package.json'))) {
    // Its script would fetch kernels for graphics processors.
    const how = ['--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', ['install', '--prefix', place, ...how, `onnxruntime-node@${version}`]);
  }
  const { InferenceSession, Tensor } = /** @type {OnnxRuntime} */ (
    createRequire(path.join(place, 'index.js'))('onnxruntime-node')
  );
  const logits = [];
  for (const { file, x, shape } of networks) {
    const session = await InferenceSession.create(path.join(folder, file));
    const { buffer } = Uint8Array.from(readFileSync(path.join(folder, x)));
    const outputs = await session.run({
      [session.inputNames[0]]: new Tensor('float32', new Float32Array(buffer), shape),
    });
    logits.push(Object.values(outputs)[0].data);
  }
  return { version, logits };
}
