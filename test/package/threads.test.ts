/** The recipes of docs/threads.md, as they are written there, on a page that Vite built from the tarball; and what ends a run. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { blocksOf } from './markdown.js';
import { launch, outcomeOf, type Served, serve, visit } from './pages.js';
import { type Outcome, writeProgram } from './program.js';
import { type Folder, install, pack, root, temporaryFolder } from './tarball.js';

const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

let folder: Folder;
let browser: Browser;
let recipes: string;
/** What one thread finds. */
let single: Outcome;

beforeAll(async () => {
  folder = await temporaryFolder();
  await install((await pack(folder.path)).file, folder.path);
  recipes = await readFile(path.join(root, 'docs/threads.md'), 'utf8');
  await built('page');
  await built('serviceWorker', (program) => `import './register.js';\n${program}`);
  await built('running', () => running);
  browser = await launch();
  single = await outcomeAt('page', {});
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await folder[Symbol.asyncDispose]();
});

/** A page that trains when it is told to. */
const running = `
import { createRuntime, datasets, models, nn, optim } from 'kwta';
const data = datasets.synthetic({ count: 64, seed: 1 });
const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), channels: [8, 8, 8] });
const show = (state, text) => Object.assign(document.body.dataset, { state, text });
const options = { batchSize: 16, optimizer: optim.sgd({ lr: 0.01 }) };
const hash = async (model) => JSON.stringify(Object.values(await model.stateDict()).map(({ data }) => data.reduce((a, b) => a + b, 0)));
window.train = async (epochs, more = {}) => {
  try {
    const runtime = await createRuntime({ deterministic: true, threads: 1, ...more.runtime });
    const model = await runtime.model(spec, { seed: 1 });
    const run = model.fit(data, { ...options, epochs, ...more.fit });
    for await (const event of run) {
      if (event.type !== 'batch') continue;
      document.body.dataset.first ??= event.step;
      if (event.step === 5) document.body.dataset.begun = 'yes';
    }
    show('done', await hash(model));
  } catch (error) {
    show('failed', error.name + ': ' + error.message);
  }
};
document.body.dataset.ready = 'yes';
`;

/** Builds a page: the program that all environments run, asking for two threads; `change` makes another of it. */
async function built(name: string, change: (program: string) => string = (program) => program): Promise<void> {
  const place = path.join(folder.path, name);
  await mkdir(place);
  await writeProgram(place, { options: { threads: 2 } });
  const file = path.join(place, 'page.js');
  await writeFile(file, change(await readFile(file, 'utf8')));
  await writeFile(path.join(place, 'register.js'), await recipe('register.js'));
  await build({ root: place, base: './', configFile: false, logLevel: 'error', build: { target: 'esnext' } });
}

const distOf = (name: string): string => path.join(folder.path, name, 'dist');

async function outcomeAt(name: string, headers: Record<string, string>): Promise<Outcome> {
  await using server = await serve(distOf(name), { headers });
  const page = await visit(browser, `${server.origin}/`);
  // That two threads are not to be had is a warning.
  return outcomeOf({ ...page, problems: page.problems.filter((text) => !text.startsWith('kwta: running on one')) });
}

/** A file of the recipes. */
async function recipe(name: string): Promise<string> {
  const block = (await blocksOf('docs/threads.md')).find(({ file }) => file === name);
  if (block === undefined) throw new Error(`docs/threads.md has no file ${name}`);
  return block.code;
}

/** The headers that a section writes out. */
function headersOf(title: string): Record<string, string> {
  const section = recipes.split(/^## /m).find((part) => part.startsWith(title));
  const block = section?.match(/^```\n(.*?)^```$/ms)?.[1] ?? '';
  return Object.fromEntries(
    block
      .trim()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
}

function expectThreads(outcome: Outcome): void {
  expect(outcome).toEqual({ variant: 'simd-threads', threads: 2, shared: true, loss: single.loss });
}

describe('threads', () => {
  it('need isolation, and without it the remedy is told once', async () => {
    expect(single).toMatchObject({ variant: 'simd', threads: 1, shared: false });
    await using server = await serve(distOf('page'));
    const { problems } = await visit(browser, `${server.origin}/`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('Cross-Origin-Opener-Policy: same-origin');
    expect(problems[0]).toContain('docs/threads.md');
  });

  it('by COOP and COEP', async () => {
    const headers = headersOf('Two headers');
    expect(Object.keys(headers)).toHaveLength(2);
    expectThreads(await outcomeAt('page', headers));
  });

  it('by Document-Isolation-Policy', async () => {
    const headers = headersOf('One header');
    expect(Object.keys(headers)).toEqual(['Document-Isolation-Policy']);
    expectThreads(await outcomeAt('page', headers));
  });

  it('by a service worker', async () => {
    await writeFile(path.join(distOf('serviceWorker'), 'isolate.js'), await recipe('isolate.js'));
    await using server = await serve(distOf('serviceWorker'));
    const page = await visit(browser, `${server.origin}/`);
    expect(page.isolated).toBe(true);
    expectThreads(outcomeOf(page));
  });
});

describe('what ends a run', () => {
  let server: Served;
  let context: BrowserContext;
  let page: Page;

  beforeEach(async () => {
    server = await serve(distOf('running'), { headers: isolation });
    context = await browser.newContext();
    page = await open();
  });

  afterEach(async () => {
    await context.close();
    await server[Symbol.asyncDispose]();
  });

  async function open(): Promise<Page> {
    const opened = await context.newPage();
    await opened.goto(`${server.origin}/`);
    await opened.waitForFunction(() => document.body.dataset.ready === 'yes');
    return opened;
  }

  /** Begins a run in the page. */
  async function begin(epochs: number, more: object): Promise<void> {
    const call = `void train(${epochs}, ${JSON.stringify(more)})`;
    await page.evaluate(call);
    await page.waitForFunction(() => document.body.dataset.begun === 'yes');
  }

  async function ended(): Promise<string> {
    await page.waitForFunction(() => document.body.dataset.state !== undefined);
    return page.evaluate(() => `${document.body.dataset.state}: ${document.body.dataset.text}`);
  }

  it('is its engine, killed', async () => {
    await begin(10_000, {});
    const [worker] = page.workers();
    await worker.evaluate(() => close());
    expect(await ended()).toMatch(/^failed: WorkerLostError: the engine worker died: .*; create a new runtime$/);
  });

  it('is memory that the browser refuses', async () => {
    await page.evaluate(() => {
      WebAssembly.Memory = class {
        constructor() {
          throw new RangeError('could not allocate memory');
        }
      } as unknown as typeof WebAssembly.Memory;
    });
    await page.evaluate('void train(1, { runtime: { threads: 2 } })');
    expect(await ended()).toMatch(/^failed: MemoryError: .*address space/);
  });

  it('is the page, closed: its newest checkpoint is kept, and training goes on from it to the same bits', async () => {
    await page.evaluate('void train(40)');
    const whole = await ended();
    expect(whole).toMatch(/^done/);
    page = await open();
    const checkpoint = { path: 'opfs:runs/model.safetensors', everySteps: 1 };
    await begin(40, { fit: { checkpoint } });
    await page.close();
    page = await open();
    await page.evaluate(`void train(40, { fit: { resumeFrom: '${checkpoint.path}' } })`);
    expect(await ended()).toBe(whole);
    const first = Number(await page.evaluate(() => document.body.dataset.first));
    expect(first, 'of 160 steps').toBeGreaterThan(2);
    expect(first, 'of 160 steps').toBeLessThan(160);
  });
});
