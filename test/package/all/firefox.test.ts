/** The tarball in Firefox: the same losses as in Node, threads by headers and by a service worker, runs that end, the demo page. */
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyPage } from '../../../scripts/lib/page.mjs';

import { outcomeOf, serve } from '../pages.js';
import { type Outcome, outcomeIn, writeProgram } from '../program.js';
import { type Driven, drive, endOf, openRunning, openTab, until, visitDriven } from '../puppeteer.js';
import { Table } from '../table.js';
import { type Folder, install, pack, run, temporaryFolder } from '../tarball.js';
import { built, builtWithServiceWorker, headersOf, isolation, running } from '../threadPages.js';

const table = new Table();
let folder: Folder;
let browser: Driven;
/** A page that asks for two threads. */
let plain: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  await install((await pack(folder.path)).file, folder.path);
  browser = await drive('firefox', folder.path);
  await writeProgram(folder.path);
  table.add('Node', outcomeIn(await run(process.execPath, ['main.js'], { cwd: folder.path })));
  plain = await built(folder.path, 'plain');
}, 600_000);

afterAll(async () => {
  table.print();
  await browser?.close();
  await folder[Symbol.asyncDispose]();
});

/** What a page found; its warnings that there is one thread alone are left out. */
async function outcomeAt(place: string, headers: Record<string, string> = {}): Promise<Outcome> {
  await using server = await serve(place, { headers });
  const page = await visitDriven(browser, `${server.origin}/`);
  const problems = page.problems.filter((text) => !text.includes('kwta: running on one thread'));
  return outcomeOf({ ...page, problems });
}

async function add(name: string, outcome: Promise<Outcome>): Promise<Outcome> {
  const found = await outcome;
  table.add(`Firefox ${(await browser.version()).split('/')[1]}, ${name}`, found);
  return found;
}

describe('threads', () => {
  const two = { variant: 'simd-threads', threads: 2, shared: true };

  it('are one without isolation, which is told once with the remedy', async () => {
    expect(await add('Vite build', outcomeAt(plain))).toMatchObject({ variant: 'simd', threads: 1, shared: false });
    await using server = await serve(plain);
    const { problems } = await visitDriven(browser, `${server.origin}/`);
    expect(problems).toEqual([expect.stringContaining('Cross-Origin-Opener-Policy: same-origin')]);
  });

  it('are two by COOP and COEP', async () => {
    expect(await add('COOP and COEP', outcomeAt(plain, await headersOf('Two headers')))).toMatchObject(two);
  });

  it('are two by a service worker', async () => {
    const place = await builtWithServiceWorker(folder.path, 'serviceWorker');
    expect(await add('service worker', outcomeAt(place))).toMatchObject(two);
  });
});

it('kwta/inline in a plain page, and from another origin', async () => {
  const single = path.join(folder.path, 'single');
  await mkdir(single);
  await writeProgram(single, { entry: './kwta.js' });
  await copyFile(path.join(folder.path, 'node_modules/kwta/dist/inline.js'), path.join(single, 'kwta.js'));
  await add('<script type="module">', outcomeAt(single));
  const cdn = { headers: { 'access-control-allow-origin': '*' } };
  await using server = await serve(path.join(folder.path, 'node_modules/kwta/dist'), cdn);
  const elsewhere = path.join(folder.path, 'elsewhere');
  await mkdir(elsewhere);
  await writeProgram(elsewhere, { entry: `${server.origin}/inline.js` });
  await add('from another origin', outcomeAt(elsewhere));
});

it('a strict content security policy is enough', async () => {
  const policy = "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'";
  await add('strict policy', outcomeAt(plain, { 'content-security-policy': policy }));
});

describe('what ends a run', () => {
  let place: string;
  beforeAll(async () => {
    place = await built(folder.path, 'told', () => running);
  });

  it('is memory that the browser refuses', async () => {
    await using server = await serve(place, { headers: isolation });
    const tab = await openRunning(browser, server.origin);
    await tab.evaluate(
      "WebAssembly.Memory = class { constructor() { throw new RangeError('out of memory'); } }; void train(1, { runtime: { threads: 2 } })",
    );
    expect(await endOf(tab)).toMatch(/^failed: MemoryError: .*address space/);
    await tab.close();
  });

  it('is the page, closed: its newest checkpoint is kept, and training goes on from it to the same bits', async () => {
    await using server = await serve(place, { headers: isolation });
    let tab = await openRunning(browser, server.origin);
    await tab.evaluate('void train(40)');
    const whole = await endOf(tab);
    expect(whole).toMatch(/^done/);
    await tab.close();
    tab = await openRunning(browser, server.origin);
    const checkpoint = { path: 'opfs:runs/model.safetensors', everySteps: 1 };
    await tab.evaluate(`void train(40, ${JSON.stringify({ fit: { checkpoint }, leaveAt: 40 })})`);
    await until(tab, "location.href === 'about:blank'");
    await tab.close();
    tab = await openRunning(browser, server.origin);
    await tab.evaluate(`void train(40, { fit: { resumeFrom: '${checkpoint.path}' } })`);
    expect(await endOf(tab)).toBe(whole);
    const first = Number(await tab.evaluate('document.body.dataset.first'));
    expect(first, 'of 160 steps').toBeGreaterThan(1);
    expect(first, 'of 160 steps').toBeLessThan(160);
    await tab.close();
  });
});

it('the demo page trains a network and fools it', async () => {
  const place = path.join(folder.path, 'demo');
  await copyPage(place);
  await using server = await serve(place);
  const { tab, problems } = await openTab(browser);
  await tab.goto(`${server.origin}/#threads=2&count=1000&epochs=1`);
  await until(tab, "document.querySelector('.primary:enabled') !== null");
  expect(await tab.evaluate('crossOriginIsolated'), 'by its service worker').toBe(true);
  await tab.evaluate("document.querySelector('.primary').click()");
  await until(tab, `document.querySelector('[data-phase="trained"]') !== null`);
  const verdict = "document.querySelector('.verdict')?.textContent";
  await until(tab, `/fooled|withstands|as it is/.test(${verdict} ?? '')`);
  expect(problems).toEqual([]);
  await tab.close();
});
