/** `kwta page`: what it serves, and what it does not. */
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kwtaIn, kwtaPage } from './command.js';

let served: Awaited<ReturnType<typeof kwtaPage>>;
let port: number;

beforeAll(async () => {
  served = await kwtaPage();
  port = Number(new URL(served.url).port);
});

afterAll(() => served[Symbol.asyncDispose]());

interface Answer {
  status: number | undefined;
  headers: NodeJS.Dict<string | string[]>;
  length: number;
}

/** The path as it is: `fetch` would tidy it up. */
function ask(path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: 'localhost', port, path, method }, (response) => {
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, length }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The command with these flags: its exit code and what it complains of. */
async function fails(...flags: string[]): Promise<{ code: unknown; said: string }> {
  const { code, stderr } = await kwtaIn(tmpdir(), ['page', ...flags]);
  return { code, said: stderr };
}

describe('kwta page', () => {
  it('serves the page and the kernels of the package, isolated', async () => {
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/?x=1', 'text/html; charset=utf-8'],
      ['/wasm/simd/kwta_bg.wasm', 'application/wasm'],
      ['/wasm/simd-threads/kwta_bg.wasm', 'application/wasm'],
    ]) {
      const { status, headers, length } = await ask(path);
      expect(status, path).toBe(200);
      expect(headers['content-type']).toBe(type);
      expect(headers['cross-origin-opener-policy']).toBe('same-origin');
      expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
      expect(length).toBe(Number(headers['content-length']));
      expect(length).toBeGreaterThan(0);
    }
    expect(await ask('/', 'HEAD')).toMatchObject({ status: 200, length: 0 });
  });

  it.each([
    '/../index.js',
    '/../../package.json',
    '/wasm/../cli/main.js',
    '/%2e%2e/index.js',
    '/wasm/simd.hash',
    '/none.js',
    '/%',
  ])('does not serve %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it('answers to GET and HEAD alone', async () => {
    expect((await ask('/', 'POST')).status).toBe(405);
  });

  it('says what is wrong with its port, with exit code 2', async () => {
    expect(await fails('--port', String(port))).toEqual({
      code: 2,
      said: `kwta: --port: localhost:${port} is taken; --port 0 takes any that is free\n`,
    });
    expect(await fails('--port', '70000')).toEqual({
      code: 2,
      said: 'kwta: --port: expected a whole number from 0 to 65535, got 70000\n',
    });
  });
});
