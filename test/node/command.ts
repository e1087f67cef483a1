/** Runs the command line as a user would, and makes what it works on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createRuntime, type Dataset, datasets, nn, optim } from 'kwta';

/** The file of the command. */
export const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `kwta args` in `folder`; `watch` may act on what it has written to standard error. */
export function kwtaIn(
  folder: string,
  args: readonly string[],
  watch?: (stderr: string, child: ChildProcess) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [command, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended: Ended = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      ended.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      ended.stderr += text;
      watch?.(ended.stderr, child);
    });
    // Once before it has said anything.
    watch?.(ended.stderr, child);
    child.on('close', (code) => resolve({ ...ended, code }));
  });
}

/** `kwta page`, as a user would start it, at a free port. */
export async function kwtaPage() {
  const child = spawn(process.execPath, [command, 'page', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const url = String(line).match(/^http:\/\/localhost:\d+\//)?.[0];
  if (url === undefined) throw new Error(`kwta page said ${line}`);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** An IDX file of unsigned bytes. */
export function idxFile(shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, (8 << 8) + shape.length);
  for (const [d, extent] of shape.entries()) header.setUint32(4 + 4 * d, extent);
  return Buffer.concat([new Uint8Array(header.buffer), values]);
}

/** Writes the two files of a split as MNIST's are called: images gzipped, labels plain. */
export function writeIdx(folder: string, data: Dataset, prefix = 't10k'): void {
  mkdirSync(folder, { recursive: true });
  const [, height, width] = data.shape;
  const pixels = Uint8Array.from(data.tensor().data, (pixel) => Math.round(255 * pixel));
  const images = idxFile([data.length, height, width], pixels);
  writeFileSync(path.join(folder, `${prefix}-images-idx3-ubyte.gz`), gzipSync(images));
  writeFileSync(path.join(folder, `${prefix}-labels-idx1-ubyte`), idxFile([data.length], Uint8Array.from(data.labels)));
}

/**
 * Writes what commands work on: `data` with 60 drawn figures, and two models that know them, `relu.safetensors` and
 * `kwta.safetensors`.
 */
export async function writeToys(folder: string): Promise<void> {
  writeIdx(path.join(folder, 'data'), datasets.synthetic({ count: 60, seed: 2 }));
  const train = datasets.synthetic({ count: 2000, seed: 1 });
  await using runtime = await createRuntime({ threads: 1, deterministic: true });
  for (const [name, activation] of [
    ['relu', nn.relu()],
    ['kwta', nn.kwta({ gamma: 0.1 })],
  ] as const) {
    const layers = [nn.flatten(), nn.linear({ out: 60 }), activation, nn.linear({ out: train.classes })];
    const model = await runtime.model(nn.sequential(layers, { input: train.shape }), { seed: 0 });
    await model.fit(train, { epochs: 8, optimizer: optim.adam({ lr: 3e-3 }) });
    await model.save(path.join(folder, `${name}.safetensors`));
  }
}
