/** The entries beside the first: kernels that the program brings, and all in one file; and what they say when something is wrong. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError, createRuntime, DataError, datasets, models, nn, optim, type Runtime } from 'kwta';
import { describe, expect, it } from 'vitest';
import * as inline from '../../dist/inline.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import * as slim from '../../dist/slim.js';
import { expectError } from '../contract/support.js';

const bytes = new Uint8Array(await readFile(wasmUrl('simd')));

/** Losses of ten steps. */
async function losses(runtime: Runtime): Promise<number[]> {
  const model = await runtime.model(models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), channels: [8, 8, 8] }), {
    seed: 1,
  });
  const data = datasets.synthetic({ count: 80, seed: 1 });
  const found: number[] = [];
  for await (const event of model.fit(data, { epochs: 1, batchSize: 8, optimizer: optim.sgd({ lr: 0.01 }) })) {
    if (event.type === 'batch') found.push(event.loss);
  }
  expect(found).toHaveLength(10);
  return found;
}

async function lossesOf(create: Promise<Runtime>): Promise<number[]> {
  await using runtime = await create;
  return await losses(runtime);
}

it('all entries export the same names, and slim a way to bring kernels', async () => {
  const whole = Object.keys(await import('kwta')).sort();
  expect(Object.keys(inline).sort()).toEqual(whole);
  expect(Object.keys(slim).sort()).toEqual([...whole, 'initialize'].sort());
});

describe('kwta/inline', () => {
  it('trains in a worker made of its own text, to the same bits', async () => {
    const expected = await lossesOf(createRuntime({ deterministic: true, threads: 1 }));
    expect(await lossesOf(inline.createRuntime())).toEqual(expected);
  });

  it('has one build, and one thread', async () => {
    await expectError(inline.createRuntime({ variant: 'simd-threads' }), ConfigError, "expected 'simd'", 'got');
    await expectError(inline.createRuntime({ threads: 2 }), ConfigError, 'createRuntime.threads', 'got 2');
  });
});

describe('kwta/slim', () => {
  it('says what it lacks before it has kernels', async () => {
    // Another process: this one may have kernels already.
    const entry = JSON.stringify(new URL('../../dist/slim.js', import.meta.url).href);
    const program = `import { createRuntime } from ${entry}; await createRuntime().catch((e) => console.log(e.code, e.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
    expect(stdout).toMatch(/^ERR_KWTA_CONFIG createRuntime: expected kernels, got none: call `await initialize/);
  });

  it('takes an address, a path, bytes, a module and a response, to the same bits', async () => {
    const expected = await lossesOf(createRuntime({ deterministic: true, threads: 1 }));
    const sources = [
      wasmUrl('simd'),
      fileURLToPath(wasmUrl('simd')),
      bytes,
      bytes.slice().buffer,
      await WebAssembly.compile(bytes),
      new Response(bytes, { headers: { 'content-type': 'application/wasm' } }),
      Promise.resolve(new Response(bytes)),
    ];
    for (const source of sources) {
      await slim.initialize(source);
      const runtime = await slim.createRuntime();
      expect(runtime.info).toEqual({ variant: 'simd', threads: 1, shared: false });
      expect(await losses(runtime)).toEqual(expected);
      await runtime.dispose();
    }
  });

  it('knows which build it was given, and takes no other', async () => {
    await slim.initialize(wasmUrl('simd-threads'));
    const runtime = await slim.createRuntime({ threads: 2 });
    expect(runtime.info).toEqual({ variant: 'simd-threads', threads: 2, shared: true });
    await runtime.dispose();
    await expectError(slim.createRuntime({ variant: 'simd' }), ConfigError, "expected 'simd-threads'", "got 'simd'");
    if (!WebAssembly.validate(await readFile(wasmUrl('relaxed-threads')))) return;
    await slim.initialize(wasmUrl('relaxed-threads'));
    await expectError(slim.createRuntime({ deterministic: true }), ConfigError, 'relaxed-threads');
  });

  it('takes the program of its workers', async () => {
    const worker = new URL('../../dist/engine/entry.node.js', import.meta.url);
    await slim.initialize(bytes, { worker });
    await (await slim.createRuntime()).dispose();
    await slim.initialize(bytes, { worker: () => worker as unknown as Worker });
    await (await slim.createRuntime()).dispose();
    await slim.initialize(bytes, { worker: () => ({}) as Worker });
    await expectError(slim.createRuntime(), ConfigError, 'the engine worker', 'path or the URL');
    await expectError(slim.initialize(bytes, { worker: 3 as never }), ConfigError, 'initialize.worker', 'got 3');
  });

  it.each([
    ['5', 5],
    ['""', ''],
    ['null', null],
    ['a Blob', new Blob()],
  ])('refuses %s as kernels', async (_, source) => {
    await expectError(slim.initialize(source as never), ConfigError, 'initialize: expected a path, a URL, bytes');
  });

  it("refuses modules that are not the package's", async () => {
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    await expectError(slim.initialize(empty), ConfigError, 'kwta/wasm/*.wasm', 'other exports');
    await expectError(slim.initialize(bytes.slice(0, 1000)), DataError, 'cannot load the bytes');
    await expectError(slim.initialize(new Uint8Array(8)), DataError, 'expected a WebAssembly module, got other bytes');
    await expectError(slim.initialize('/nowhere/simd.wasm'), DataError, '/nowhere/simd.wasm', 'no such file');
  });
});

describe('a server that answers', () => {
  /** What `initialize` says of an answer. */
  async function told(status: number, type: string, body: Uint8Array | string): Promise<unknown> {
    const server = createServer((_, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      return await slim.initialize(`http://127.0.0.1:${port}/simd.wasm`).catch((error: unknown) => error);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }

  it.each([
    ['a page', 200, 'text/html', '<!doctype html>', "'text/html'"],
    ['404', 404, 'text/html', 'none', '404'],
    ['500', 500, 'text/plain', 'none', '500'],
    ['nothing', 200, 'application/wasm', '', "'application/wasm'"],
  ])('with %s is named, with a remedy', async (_, status, type, body, expected) => {
    const error = await told(status, type, body);
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as Error;
    expect(message).toMatch(/^cannot load http:\/\/127\.0\.0\.1:\d+\/simd\.wasm: /);
    expect(message).toContain(expected);
    expect(message).toContain('as application/wasm');
    expect(message).toContain('optimizeDeps');
  });

  it('with kernels under another type is warned of', async () => {
    const warnings: string[] = [];
    const { warn } = console;
    console.warn = (text: string) => warnings.push(text);
    try {
      expect(await told(200, 'text/plain', bytes)).toBeUndefined();
      expect(await told(200, 'application/octet-stream', bytes)).toBeUndefined();
    } finally {
      console.warn = warn;
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/simd\.wasm was served as 'text\/plain', expected application\/wasm/);
  });

  it('with nothing for ten seconds has failed', { timeout: 30_000 }, async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/wasm' }).write(bytes.subarray(0, 1000));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      const url = `http://127.0.0.1:${port}/simd.wasm`;
      await expectError(slim.initialize(url), DataError, url, 'no answer within 10 s');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

it('two copies in one program say so, once', async () => {
  const [whole, single] = ['index', 'inline'].map((name) =>
    JSON.stringify(new URL(`../../dist/${name}.js`, import.meta.url).href),
  );
  const program = `
    const first = await import(${whole});
    const second = await import(${single});
    for (const { createRuntime } of [first, first, second, second]) await (await createRuntime({ threads: 1 })).dispose();
  `;
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  expect(
    stderr.match(/kwta: 2 copies of the package are in this program \(versions [\d.]+ and [\d.]+\)/g),
  ).toHaveLength(1);
  expect(stderr).toContain('npm ls kwta');
});
