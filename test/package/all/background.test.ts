/** A tab that goes into the background while it trains, where a page's timers all but stop: the run goes on, to the same bits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, serve } from '../pages.js';
import { type Driven, drive, endOf, openRunning, type Tab, until } from '../puppeteer.js';
import { type Folder, install, pack, temporaryFolder } from '../tarball.js';
import { built, isolation, running } from '../threadPages.js';

/** 800 steps: some seconds. */
const epochs = 200;

let folder: Folder;
let server: Served;

beforeAll(async () => {
  folder = await temporaryFolder();
  await install((await pack(folder.path)).file, folder.path);
  server = await serve(await built(folder.path, 'told', () => running), { headers: isolation });
}, 240_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe.each(['chrome', 'firefox'] as const)('%s', (name) => {
  let browser: Driven;
  /** What a run in a tab that is seen ends with. */
  let whole: string;

  beforeAll(async () => {
    browser = await drive(name, folder.path);
    const tab = await open();
    await tab.evaluate(`void train(${epochs})`);
    whole = await endOf(tab);
    expect(whole).toMatch(/^done/);
    await tab.close();
  }, 300_000);

  afterAll(() => browser?.close());

  const open = (): Promise<Tab> => openRunning(browser, server.origin);

  /** A tab that trains behind another one. */
  async function hidden(): Promise<Tab> {
    const tab = await open();
    await (await browser.newPage()).bringToFront();
    await until(tab, "document.visibilityState === 'hidden'");
    await tab.evaluate(`void train(${epochs})`);
    return tab;
  }

  it('trains behind another tab', async () => {
    expect(await endOf(await hidden())).toBe(whole);
  }, 180_000);

  it.runIf(name === 'chrome')(
    'stands still while it is frozen, and goes on',
    async () => {
      const tab = await hidden();
      await until(tab, "document.body.dataset.begun === 'yes'");
      const session = await tab.createCDPSession();
      await session.send('Page.setWebLifecycleState', { state: 'frozen' });
      await sleep(1000);
      await session.send('Page.setWebLifecycleState', { state: 'active' });
      expect(await tab.evaluate('document.body.dataset.state === undefined'), 'still trains').toBe(true);
      expect(await endOf(tab)).toBe(whole);
    },
    180_000,
  );
});
