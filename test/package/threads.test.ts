/** The recipes of docs/threads.md, as they are written there, on a page that Vite built from the tarball; and what ends a run. */
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launch, outcomeOf, type Served, serve, visit } from './pages.js';
import type { Outcome } from './program.js';
import { type Folder, install, pack, temporaryFolder } from './tarball.js';
import { built, builtWithServiceWorker, headersOf, isolation, running } from './threadPages.js';

let folder: Folder;
let browser: Browser;
/** Folders of pages. */
let plain: string;
let withServiceWorker: string;
let told: string;
/** What one thread finds. */
let single: Outcome;

beforeAll(async () => {
  folder = await temporaryFolder();
  await install((await pack(folder.path)).file, folder.path);
  plain = await built(folder.path, 'plain');
  withServiceWorker = await builtWithServiceWorker(folder.path, 'serviceWorker');
  told = await built(folder.path, 'told', () => running);
  browser = await launch();
  single = await outcomeAt({});
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await folder[Symbol.asyncDispose]();
});

async function outcomeAt(headers: Record<string, string>): Promise<Outcome> {
  await using server = await serve(plain, { headers });
  const page = await visit(browser, `${server.origin}/`);
  // That two threads are not to be had is a warning.
  return outcomeOf({ ...page, problems: page.problems.filter((text) => !text.startsWith('kwta: running on one')) });
}

function expectThreads(outcome: Outcome): void {
  expect(outcome).toEqual({ variant: 'simd-threads', threads: 2, shared: true, loss: single.loss });
}

describe('threads', () => {
  it('need isolation, and without it the remedy is told once', async () => {
    expect(single).toMatchObject({ variant: 'simd', threads: 1, shared: false });
    await using server = await serve(plain);
    const { problems } = await visit(browser, `${server.origin}/`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('Cross-Origin-Opener-Policy: same-origin');
    expect(problems[0]).toContain('docs/threads.md');
  });

  it('by COOP and COEP', async () => {
    const headers = await headersOf('Two headers');
    expect(Object.keys(headers)).toHaveLength(2);
    expectThreads(await outcomeAt(headers));
  });

  it('by Document-Isolation-Policy', async () => {
    const headers = await headersOf('One header');
    expect(Object.keys(headers)).toEqual(['Document-Isolation-Policy']);
    expectThreads(await outcomeAt(headers));
  });

  it('by a service worker', async () => {
    await using server = await serve(withServiceWorker);
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
    server = await serve(told, { headers: isolation });
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
    // It leaves of its own: what drives it may come too late.
    await page.evaluate(`void train(40, ${JSON.stringify({ fit: { checkpoint }, leaveAt: 40 })})`);
    await page.waitForURL('about:blank');
    await page.close();
    page = await open();
    await page.evaluate(`void train(40, { fit: { resumeFrom: '${checkpoint.path}' } })`);
    expect(await ended()).toBe(whole);
    const first = Number(await page.evaluate(() => document.body.dataset.first));
    expect(first, 'of 160 steps').toBeGreaterThan(1);
    expect(first, 'of 160 steps').toBeLessThan(160);
  });
});
