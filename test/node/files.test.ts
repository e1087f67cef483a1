/** The one reader and writer of files, and what a save, a load and the command line say about paths. */
import { execFile, execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError, createRuntime, DataError, models, nn, type Runtime } from 'kwta';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
// The writer itself: what it is asked to write does not matter.
import { readBytes, whyNotWritable, writeBytes } from '../../ts/platform/nodeFiles.js';

const cli = new URL('../../dist/cli/main.js', import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-files-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (path: string): Promise<string> => readFile(path, 'utf8');

describe('the writer', () => {
  it('replaces a file, keeps its mode, and leaves nothing else behind', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'old and longer');
    for (const mode of [0o600, 0o640, 0o666]) {
      await chmod(path, mode);
      await writeBytes(path, bytes('new'));
      expect((await stat(path)).mode & 0o7777).toBe(mode);
    }
    expect(await text(path)).toBe('new');
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('takes file URLs, as text and as objects', async () => {
    const url = pathToFileURL(join(folder, 'with space'));
    await writeBytes(url, bytes('1'));
    await writeBytes(url.href, bytes('2'));
    expect(new TextDecoder().decode(await readBytes(url))).toBe('2');
    expect(await readdir(folder)).toEqual(['with space']);
  });

  it('follows links, also to a file that is not there yet', async () => {
    await mkdir(join(folder, 'far'));
    await writeFile(join(folder, 'far', 'target'), 'old');
    await symlink('far/target', join(folder, 'first'));
    await symlink(join(folder, 'first'), join(folder, 'second'));
    await symlink('far/none', join(folder, 'dangling'));
    await writeBytes(join(folder, 'second'), bytes('new'));
    await writeBytes(join(folder, 'dangling'), bytes('made'));
    expect(await readlink(join(folder, 'first'))).toBe('far/target');
    expect((await lstat(join(folder, 'second'))).isSymbolicLink()).toBe(true);
    expect(await text(join(folder, 'far', 'target'))).toBe('new');
    expect(await text(join(folder, 'far', 'none'))).toBe('made');
    await symlink('circle', join(folder, 'circle'));
    expect(whyNotWritable(join(folder, 'circle'))).toMatch(/too many links/);
  });

  it('lets many writers of one file pass', async () => {
    const path = join(folder, 'file');
    await Promise.all(Array.from({ length: 20 }, (_, i) => writeBytes(path, bytes(String(i).repeat(1000)))));
    expect(await text(path)).toMatch(/^(\d+)\1{999}$/);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('writes to devices and pipes directly', async () => {
    await writeBytes('/dev/null', bytes('gone'));
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [read] = await Promise.all([text(pipe), writeBytes(pipe, bytes('through'))]);
    expect(read).toBe('through');
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });

  it('adds to what the process has open where its other output ends', async () => {
    const path = join(folder, 'out');
    const descriptor = openSync(path, 'w');
    try {
      await writeBytes(`/dev/fd/${descriptor}`, bytes('one'));
      await writeBytes(`/proc/self/fd/${descriptor}`, bytes(' two'));
    } finally {
      closeSync(descriptor);
    }
    expect(await text(path)).toBe('one two');
  });

  it('says why it cannot write, before and when it is asked to', async () => {
    await writeFile(join(folder, 'file'), '');
    const cases: [string | URL, RegExp][] = [
      ['', /expected the path of a file/],
      [join(folder, 'none', 'x'), /there is no folder .*none/],
      [join(folder, 'file', 'x'), /file is no folder/],
      [join(folder, 'file', 'x', 'y'), /there is no folder .*x/],
      [folder, /is a folder/],
      [`${folder}/`, /is the path of a folder/],
      ['https://localhost/x', /it is a web address/],
      [new URL('https://localhost/x'), /it is a web address/],
      ['file://elsewhere/x', /host/],
      [`${folder}/a\0b`, /null bytes/],
      [join(folder, 'x'.repeat(300)), /the name is too long/],
    ];
    for (const [path, reason] of cases) {
      expect(whyNotWritable(path), String(path)).toMatch(reason);
      const error = await writeBytes(path, bytes('x')).catch((problem: unknown) => problem);
      expect((error as Error).name).toBe('ConfigError');
      expect((error as Error).message).toMatch(/^cannot write /);
      expect((error as Error).message).toMatch(reason);
    }
    expect(await readdir(folder)).toEqual(['file']);
    expect(whyNotWritable(join(folder, 'file'))).toBeUndefined();
    expect(whyNotWritable(join(folder, 'new'))).toBeUndefined();
  });

  it('refuses what may not be written, unless this user may write anything', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'old', { mode: 0o400 });
    expect(whyNotWritable(file)).toBe(isRoot ? undefined : `${file} cannot be written to`);
    const written = await writeBytes(file, bytes('new')).then(
      () => true,
      () => false,
    );
    expect(written).toBe(isRoot);
    expect(await text(file)).toBe(isRoot ? 'new' : 'old');
    await chmod(folder, 0o500);
    const problem = whyNotWritable(join(folder, 'new'));
    await chmod(folder, 0o700);
    expect(problem).toBe(isRoot ? undefined : `the folder ${folder} cannot be written to`);
  });
});

describe('saving and loading', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ threads: 1 });
  });
  afterAll(() => runtime.dispose());
  const model = () => runtime.model(models.smallCnn({ activation: nn.relu() }));

  it('saves at once to one path, and loads from paths and URLs', async () => {
    await using saved = await model();
    const path = join(folder, 'model');
    await Promise.all([path, path, pathToFileURL(path), pathToFileURL(path).href].map((place) => saved.save(place)));
    expect(await readdir(folder)).toEqual(['model']);
    for (const place of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      await using loaded = await runtime.load(place);
      expect(loaded.parameters).toBe(saved.parameters);
    }
  });

  it('loads a file with the counters that PyTorch keeps of batches', async () => {
    const layers = [nn.conv2d({ out: 2, kernel: 3 }), nn.batchNorm2d(), nn.flatten(), nn.linear({ out: 2 })];
    await using saved = await runtime.model(nn.sequential(layers, { input: [1, 4, 4] }));
    const path = join(folder, 'model');
    await saved.save(path);
    const old = await readFile(path);
    const start = 8 + Number(old.readBigUInt64LE(0));
    const header = JSON.parse(old.toString('utf8', 8, start));
    const name = Object.keys(header).find((key) => key.endsWith('.running_mean')) as string;
    const end = old.length - start;
    header[name.replace('running_mean', 'num_batches_tracked')] = {
      dtype: 'I64',
      shape: [],
      data_offsets: [end, end + 8],
    };
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    await writeFile(
      path,
      Buffer.concat([length, text, old.subarray(start), Buffer.from(BigInt64Array.of(123n).buffer)]),
    );
    await using loaded = await runtime.load(path);
    expect(await loaded.stateDict()).toEqual(await saved.stateDict());
  });

  it('names what cannot be loaded or saved', async () => {
    await using saved = await model();
    const missing = join(folder, 'missing');
    await expect(runtime.load(missing)).rejects.toThrow(DataError);
    await expect(runtime.load(missing)).rejects.toThrow(`load: there is no file ${missing}`);
    await expect(runtime.load(pathToFileURL(missing))).rejects.toThrow(/there is no file file:/);
    await expect(runtime.load(folder)).rejects.toThrow(`cannot read ${folder}: it is a folder`);
    await expect(runtime.load(folder)).rejects.toThrow(DataError);
    await expect(runtime.load('http://127.0.0.1:9/x')).rejects.toThrow(/cannot read http.*(bad port|ECONNREFUSED)/);
    await expect(runtime.load('a\0b')).rejects.toThrow(DataError);
    for (const wrong of [undefined, null, 7, '', {}, { href: 'file:///x' }]) {
      await expect(runtime.load(wrong as unknown as string)).rejects.toThrow(/load: expected a path or a URL, got /);
      await expect(saved.save(wrong as unknown as string)).rejects.toThrow(/save: expected a path or a URL, got /);
    }
    await expect(saved.save(join(missing, 'x'))).rejects.toThrow(ConfigError);
    await expect(saved.save(join(missing, 'x'))).rejects.toThrow(`there is no folder ${missing}`);
  });
});

describe('kwta info --json', { timeout: 30_000 }, () => {
  const info = (path: string, options = {}) =>
    promisify(execFile)(process.execPath, [cli, 'info', '--threads', '1', '--json', path], options);

  it('leaves devices, pipes and links what they are', async () => {
    await writeFile(join(folder, 'target'), 'old', { mode: 0o600 });
    await symlink('target', join(folder, 'link'));
    await info(join(folder, 'link'));
    expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
    expect(JSON.parse(await text(join(folder, 'target'))).kwta).toBeTypeOf('string');
    expect((await stat(join(folder, 'target'))).mode & 0o777).toBe(0o600);
    await info('/dev/null');
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [read] = await Promise.all([text(pipe), info(pipe)]);
    expect(JSON.parse(read).kwta).toBeTypeOf('string');
  });

  it('adds to standard output, a pipe or a file', async () => {
    const { stdout } = await info('/dev/stdout');
    expect(stdout).toMatch(/^kwta .*\n[\s\S]*\n\{\n {2}"kwta"[\s\S]*\}\n$/);
    const file = join(folder, 'out');
    execFileSync('sh', ['-c', `"${process.execPath}" "${cli}" info --threads 1 --json /dev/stdout > "${file}"`]);
    expect(await text(file)).toMatch(/^kwta .*\n[\s\S]*\n\{\n {2}"kwta"[\s\S]*\}\n$/);
  });
});
