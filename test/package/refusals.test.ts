/** What a page says when servers, policies or other origins keep from it what it needs; and what works in spite of them. */
import { copyFile, cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, launch, outcomeOf, type ServeOptions, serve, visit } from './pages.js';
import { type Outcome, writeProgram } from './program.js';
import { type Folder, install, pack, temporaryFolder } from './tarball.js';

const settings = { configFile: false, logLevel: 'error', base: './', build: { target: 'esnext' } } as const;

let folder: Folder;
let browser: Browser;
/** Built by Vite from `kwta`, and a page of the one file of `kwta/inline`. */
let whole: string;
let single: string;
let expected: Outcome;

beforeAll(async () => {
  folder = await temporaryFolder();
  await install((await pack(folder.path)).file, folder.path);
  browser = await launch();
  const place = path.join(folder.path, 'whole');
  await mkdir(place);
  await writeProgram(place);
  await build({ root: place, ...settings });
  whole = path.join(place, 'dist');
  single = path.join(folder.path, 'single');
  await mkdir(single);
  await writeProgram(single, { entry: './kwta.js' });
  await copyFile(path.join(folder.path, 'node_modules/kwta/dist/inline.js'), path.join(single, 'kwta.js'));
  expected = await outcome(whole, {});
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await folder[Symbol.asyncDispose]();
});

async function outcome(place: string, options: ServeOptions): Promise<Outcome> {
  await using server = await serve(place, options);
  return outcomeOf(await visit(browser, `${server.origin}/`));
}

/** The error of a page that cannot train. */
async function failure(place: string, options: ServeOptions): Promise<string> {
  await using server = await serve(place, options);
  const { state, text } = await visit(browser, `${server.origin}/`);
  expect(state, text).toBe('failed');
  return text;
}

/** Answers for files whose names have a certain end. */
const answering = (end: RegExp, answer: Answer): ServeOptions => ({
  answer: (name) => (end.test(name) ? answer : undefined),
});

describe('kernels', () => {
  const html = { 'content-type': 'text/html' };

  it.each([
    ['answered with the page', { headers: html, body: '<!doctype html>' }, "'text/html'"],
    ['not found', { status: 404, headers: html, body: 'none' }, 'the server answered 404'],
    ['of another type and content', { headers: { 'content-type': 'text/plain' }, body: 'wasm' }, "'text/plain'"],
    ['that never come', { stalls: true }, 'no answer within 10 s'],
  ])('%s are told with address, type and remedy', async (_, answer, told) => {
    const text = await failure(whole, answering(/\.wasm$/, answer));
    expect(text).toMatch(/^DataError: cannot load http:\/\/127\.0\.0\.1:\d+\/assets\/kwta_bg-[\w-]+\.wasm: /);
    expect(text).toContain(told);
    expect(text).toContain('as application/wasm');
  });
});

describe('a worker', () => {
  it.each([
    ['answered with the page', { headers: { 'content-type': 'text/html' }, body: '<!doctype html>' }],
    ['not found', { status: 404, body: '' }],
  ])('%s is told with a remedy', async (_, answer) => {
    const text = await failure(whole, answering(/entry\.browser.*\.js$/, answer));
    expect(text).toMatch(/^WorkerLostError: the engine worker did not start: its script could not be loaded; /);
    expect(text).toContain("'kwta/inline'");
  });

  it('of another origin is refused by the browser, and the error says what to do', async () => {
    await using cdn = await serve(whole, { headers: { 'access-control-allow-origin': '*' } });
    const place = path.join(folder.path, 'crossed');
    await mkdir(place);
    await writeProgram(place);
    await build({ root: place, ...settings, base: `${cdn.origin}/` });
    await cp(path.join(place, 'dist/assets'), path.join(whole, 'assets'), { recursive: true });
    const text = await failure(path.join(place, 'dist'), {});
    expect(text).toMatch(/^WorkerLostError: the engine worker did not start: .*Worker/);
    expect(text).toContain("`worker` to initialize of 'kwta/slim'");
  });

  it('of another origin starts when the program says where it is', async () => {
    const files = path.join(folder.path, 'cdn');
    const sources = path.join(folder.path, 'node_modules/kwta/dist');
    await build({
      root: folder.path,
      ...settings,
      build: {
        outDir: files,
        rolldownOptions: {
          input: path.join(sources, 'engine/entry.browser.js'),
          output: { entryFileNames: 'worker.js', codeSplitting: false },
        },
      },
    });
    await cp(path.join(sources, 'wasm/simd/kwta_bg.wasm'), path.join(files, 'simd.wasm'));
    await using cdn = await serve(files, { headers: { 'access-control-allow-origin': '*' } });
    const before = `import { initialize } from 'kwta/slim';
await initialize('${cdn.origin}/simd.wasm', { worker: '${cdn.origin}/worker.js' });`;
    const place = path.join(folder.path, 'elsewhere');
    await mkdir(place);
    await writeProgram(place, { entry: 'kwta/slim', before });
    await build({ root: place, ...settings });
    expect(await outcome(path.join(place, 'dist'), {})).toEqual(expected);
    expect(cdn.asked.sort()).toEqual(['/simd.wasm', '/worker.js']);
  });
});

describe('a content security policy', () => {
  const policy = (scripts: string, more = ''): ServeOptions => ({
    headers: {
      'content-security-policy': `default-src 'none'; connect-src 'self'; img-src data:; script-src ${scripts}${more}`,
    },
  });

  it('that is strict is enough', async () => {
    expect(await outcome(whole, policy("'self' 'wasm-unsafe-eval'"))).toEqual(expected);
  });

  it("that allows blobs as workers is enough for 'kwta/inline'", async () => {
    expect(await outcome(single, policy("'self' 'wasm-unsafe-eval'", '; worker-src blob:'))).toEqual(expected);
  });

  it.each(['whole', 'single'])("without 'wasm-unsafe-eval' is named (%s)", async (which) => {
    const text = await failure(which === 'whole' ? whole : single, policy("'self'", '; worker-src blob:'));
    expect(text).toMatch(/^ConfigError: createRuntime: expected a content security policy that allows WebAssembly/);
    expect(text).toContain("add 'wasm-unsafe-eval' to script-src");
  });

  it('without blobs as workers is named', async () => {
    const text = await failure(single, policy("'self' 'wasm-unsafe-eval'"));
    expect(text).toMatch(/^WorkerLostError: the engine worker did not start: /);
    expect(text).toContain('worker-src blob:');
  });
});
