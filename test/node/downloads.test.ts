/** Downloads, from a server on this machine: checked, resumed, kept, and explained when they fail. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { DataError, datasets } from 'kwta';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { md5 } from '../../dist/base/md5.js';
// From outside, a download has one list of checksums: those of the real files.
import { fetchPublished } from '../../dist/data/download.js';
import { type Site, serveHttp } from './server.js';

const { KWTA_DATA } = process.env;
let folder: string;
const sites: Site[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-downloads-'));
  vi.stubEnv('KWTA_CACHE', join(folder, 'cache'));
  vi.stubEnv('KWTA_DATA', '');
});

afterEach(async () => {
  for (const site of sites.splice(0)) site.close();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const site = await serveHttp(listener);
  sites.push(site);
  return site.url;
}

const sum = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const contents = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 3);
const file = { name: 'file.bin', md5: sum(contents) };

/** Serves ranges of `contents`; cuts each connection after `cut` bytes. Tells what was asked for. */
async function ranges(cut = Number.POSITIVE_INFINITY, honour = true) {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    const { range } = request.headers;
    asked.push(range);
    const from = honour ? Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0) : 0;
    if (from >= contents.length) return void response.writeHead(416).end();
    const rest = contents.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    response.write(rest.subarray(0, cut), () => (rest.length > cut ? response.destroy() : response.end()));
  });
  return { url, asked };
}

describe('md5', () => {
  it('is that of others', () => {
    for (const bytes of fc.sample(fc.uint8Array({ maxLength: 300 }), 200)) expect(md5(bytes)).toBe(sum(bytes));
    for (const length of [55, 56, 57, 63, 64, 65, 119, 120, 2 ** 20]) {
      const bytes = new Uint8Array(length).fill(7);
      expect(md5(bytes)).toBe(sum(bytes));
    }
  });
});

describe('a download', () => {
  it('is written whole, with its progress told', async () => {
    const { url, asked } = await ranges();
    const seen: number[] = [];
    const options = {
      url,
      onProgress: ({ receivedBytes }: { receivedBytes: number }) => void seen.push(receivedBytes),
    };
    expect(await fetchPublished(folder, [file], 'http://nowhere.invalid/', options)).toBeUndefined();
    expect(new Uint8Array(await readFile(join(folder, 'file.bin')))).toEqual(contents);
    expect(await readdir(folder)).toEqual(['file.bin']);
    expect(seen.at(-1)).toBe(contents.length);
    expect(asked).toEqual([undefined]);
  });

  it('that is cut goes on where it was', async () => {
    const { url, asked } = await ranges(70_000);
    expect(await fetchPublished(folder, [file], url, {})).toBeUndefined();
    expect(sum(await readFile(join(folder, 'file.bin')))).toBe(file.md5);
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
  });

  it('goes on with what an earlier one left, or begins anew where that is another file', async () => {
    for (const [left, requests] of [
      [contents.subarray(0, 1000), 1],
      [contents, 1],
      [new Uint8Array(1000), 2],
    ] as const) {
      await writeFile(join(folder, 'file.bin.part'), left);
      const { url, asked } = await ranges();
      expect(await fetchPublished(folder, [file], url, {})).toBeUndefined();
      expect(sum(await readFile(join(folder, 'file.bin')))).toBe(file.md5);
      expect(asked[0]).toBe(`bytes=${left.length}-`);
      expect(asked.length).toBe(requests);
      expect(await readdir(folder)).toEqual(['file.bin']);
    }
  });

  it('from a server without ranges begins anew', async () => {
    await writeFile(join(folder, 'file.bin.part'), contents.subarray(0, 1000));
    const { url } = await ranges(Number.POSITIVE_INFINITY, false);
    expect(await fetchPublished(folder, [file], url, {})).toBeUndefined();
    expect(sum(await readFile(join(folder, 'file.bin')))).toBe(file.md5);
  });

  it('with a wrong checksum is thrown away', async () => {
    const url = await serve((_, response) => response.end('not the file'));
    await expect(fetchPublished(folder, [file], url, {})).rejects.toThrow(
      new RegExp(`${url}file.bin: expected MD5 ${file.md5}, found ${sum(Buffer.from('not the file'))}: file discarded`),
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what each address answered, and takes the next one', async () => {
    const missing = await serve((_, response) => response.writeHead(404).end());
    const broken = await serve((_, response) => response.writeHead(503).end());
    expect(await fetchPublished(folder, [file], [missing, broken], {})).toBe(
      `could not be fetched from ${missing}: the server answered 404, ${broken}: the server answered 503`,
    );
    const { url } = await ranges();
    expect(await fetchPublished(folder, [file], [missing, url], {})).toBeUndefined();
    for (const site of sites.splice(0)) site.close();
    expect(await fetchPublished(folder, [{ ...file, name: 'other' }], url, {})).toMatch(/ECONNREFUSED/);
  });

  it('gives up on a silent server', { timeout: 20_000 }, async () => {
    const url = await serve(() => undefined);
    expect(await fetchPublished(folder, [file], url, {})).toMatch(/no answer within 4 s/);
  });

  it('stops when asked, and what has come is there for the next one', async () => {
    const url = await serve((_, response) => void response.writeHead(200, { 'content-length': 1e6 }).write(contents));
    const ending = new AbortController();
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) => {
      if (receivedBytes >= contents.length) ending.abort();
    };
    await expect(fetchPublished(folder, [file], url, { signal: ending.signal, onProgress })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await readdir(folder)).toEqual(['file.bin.part']);
    const again = await ranges();
    await fetchPublished(folder, [file], again.url, {});
    expect(again.asked).toEqual([`bytes=${contents.length}-`]);
  });

  it('of an archive is unpacked', async () => {
    const archive = gzipSync(tar({ 'inner/a.bin': contents, 'inner/b.txt': Buffer.from('b') }));
    const url = await serve((_, response) => response.end(archive));
    const packed = { name: 'all.tar.gz', md5: sum(archive), unpack: true };
    expect(await fetchPublished(folder, [packed], url, {})).toBeUndefined();
    expect(await readdir(folder)).toEqual(['inner']);
    expect(new Uint8Array(await readFile(join(folder, 'inner/a.bin')))).toEqual(contents);
    expect(await readFile(join(folder, 'inner/b.txt'), 'utf8')).toBe('b');
  });

  it('of a damaged archive is refused, and nothing is written outside', async () => {
    const whole = tar({ 'inner/a.bin': contents });
    const damaged = Uint8Array.from(whole, (byte, i) => (i === 3 ? byte ^ 1 : byte));
    for (const [bytes, message] of [
      [whole.subarray(0, 2000), /truncated/],
      [damaged, /a damaged one/],
      [tar({ '../a.bin': contents }), /unexpected path/],
    ] as const) {
      const archive = gzipSync(bytes);
      const url = await serve((_, response) => response.end(archive));
      const packed = { name: 'all.tar.gz', md5: sum(archive), unpack: true };
      await expect(fetchPublished(join(folder, 'in'), [packed], url, {})).rejects.toThrow(message);
    }
    expect(await readdir(folder)).toEqual(['in']);
  });
});

/** An archive as `tar` writes it. */
function tar(files: Record<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, bytes] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644', 100);
    header.write(bytes.length.toString(8).padStart(11, '0'), 124);
    header.write('0', 156);
    header.write('ustar', 257);
    header.fill(' ', 148, 156);
    const check = header.reduce((total, byte) => total + byte, 0);
    header.write(`${check.toString(8).padStart(6, '0')}\0 `, 148);
    parts.push(header, bytes, new Uint8Array((512 - (bytes.length % 512)) % 512));
  }
  return Buffer.concat([...parts, new Uint8Array(1024)]);
}

const NAMES = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

describe('a published dataset', () => {
  /** A pair of one image for both splits. */
  async function writePairs(where: string, ending = ''): Promise<void> {
    await mkdir(where, { recursive: true });
    const image = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9);
    const label = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 3);
    for (const name of NAMES) {
      const bytes = name.includes('images') ? image : label;
      await writeFile(join(where, name + ending), ending === '' ? bytes : gzipSync(bytes));
    }
  }

  it('is found in the folder given or the one inside, in KWTA_DATA, and where downloads are kept', async () => {
    const read = async (dir?: string | URL) => (await datasets.fashionMnist({ dir, split: 'test' })).classNames?.[3];
    await writePairs(join(folder, 'mine', 'fashion-mnist'), '.gz');
    for (const dir of ['mine', 'mine/fashion-mnist']) {
      expect(await read(join(folder, dir))).toBe('dress');
      expect(await read(pathToFileURL(join(folder, dir)))).toBe('dress');
    }
    await expect(read()).rejects.toThrow(
      /Fashion-MNIST: expected t10k-images-idx3-ubyte, .* found none in KWTA_DATA \(not set\) and/,
    );
    vi.stubEnv('KWTA_DATA', join(folder, 'mine'));
    expect(await read()).toBe('dress');
    vi.stubEnv('KWTA_DATA', '');
    await writePairs(join(folder, 'cache', 'data', 'fashion-mnist'));
    expect(await read()).toBe('dress');
  });

  it('that is not in the folder given is missed there', async () => {
    const read = () => datasets.fashionMnist({ dir: folder, split: 'train' });
    await expect(read()).rejects.toThrow(
      /dir: expected train-images-idx3-ubyte, train-labels-idx1-ubyte \(plain or .gz\) in .* or its fashion-mnist, found no train-images/,
    );
  });

  it('is read over HTTP', async () => {
    await writePairs(folder, '.gz');
    const dir = await serve((request, response) =>
      createReadStream(join(folder, request.url as string)).pipe(response),
    );
    expect((await datasets.fashionMnist({ dir, split: 'train' })).length).toBe(1);
  });

  it('is not fetched when it is there', async () => {
    await writePairs(folder);
    const url = 'http://127.0.0.1:9/';
    expect((await datasets.fashionMnist({ dir: folder, split: 'train', download: true, url })).length).toBe(1);
  });

  it.each([
    ['fashionMnist', /Fashion-MNIST: .*; place t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte \(plain or .gz\) in/],
    ['cifar10', /CIFAR-10: .*; place test_batch.bin \(plain or .gz, which are in cifar-10-binary.tar.gz\) in/],
    ['cifar100', /CIFAR-100: .*; place test.bin \(plain or .gz, which are in cifar-100-binary.tar.gz\) in/],
    ['svhn', /SVHN: .*; place test_32x32.mat/],
  ] as const)('of %s that cannot be fetched is explained', async (name, message) => {
    const url = 'http://127.0.0.1:9/';
    const error = await datasets[name]({ split: 'test', download: true, url }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toContain(`could not be fetched from ${url}`);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain(join(folder, 'cache', 'data'));
  });

  it.each(['fashionMnist', 'cifar10', 'cifar100', 'svhn'] as const)(
    'of %s is held against its checksum',
    async (name) => {
      const asked: string[] = [];
      const url = await serve((request, response) => {
        asked.push(request.url as string);
        response.end('another file');
      });
      await expect(datasets[name]({ split: 'test', download: true, url })).rejects.toThrow(
        /expected MD5 [0-9a-f]{32}, found/,
      );
      expect(asked[0]).toBe(
        {
          fashionMnist: '/t10k-images-idx3-ubyte.gz',
          cifar10: '/cifar-10-binary.tar.gz',
          cifar100: '/cifar-100-binary.tar.gz',
          svhn: '/test_32x32.mat',
        }[name],
      );
    },
  );

  it('has options that are checked', async () => {
    const read = (options: object) => datasets.fashionMnist({ split: 'test', ...options } as { split: 'test' });
    await expect(read({ download: 'yes' })).rejects.toThrow(/download: expected true or false, got yes/);
    await expect(read({ url: 'nowhere' })).rejects.toThrow(/url: expected a web address, got nowhere/);
    await expect(read({ stream: 1 })).rejects.toThrow(/stream: expected true or false/);
    await expect(read({ mirror: 1 })).rejects.toThrow(/unknown option 'mirror'/);
  });

  it.skipIf(!KWTA_DATA)(
    'is fetched into the folder given, or where downloads are kept',
    { timeout: 60_000 },
    async () => {
      const url = await serve((request, response) => {
        const path = join(KWTA_DATA as string, 'fashion-mnist', request.url as string);
        if (existsSync(path)) createReadStream(path).pipe(response);
        else response.writeHead(404).end();
      });
      const dir = join(folder, 'new', 'place');
      for (const where of [{ dir }, {}]) {
        const test = await datasets.fashionMnist({ ...where, split: 'test', download: true, url });
        expect([test.name, test.length]).toEqual(['Fashion-MNIST test', 10_000]);
      }
      expect((await readdir(dir)).sort()).toEqual([`${NAMES[2]}.gz`, `${NAMES[3]}.gz`]);
      expect((await readdir(join(folder, 'cache', 'data', 'fashion-mnist'))).length).toBe(2);
    },
  );
});
