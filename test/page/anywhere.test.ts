/** The built page on any static host, in a sub-folder, without a network; its controls; images of the user's own. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { encode } from 'fast-png';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { copyPage } from '../../scripts/lib/page.mjs';
import { launch, type Served, serve } from '../package/pages.js';
import { watch } from './browser.js';

let browser: Browser;
let server: Served;
let folder: string;
let context: BrowserContext;
let page: Page;
let problems: string[];

/** A training of a second or two, on one thread. */
const quick = '#threads=1&count=1000&epochs=1';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kwta page '));
  await copyPage(path.join(folder, 'a folder'));
  [browser, server] = await Promise.all([launch(), serve(folder)]);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  problems = watch(page);
});

afterEach(() => context.close());

const phase = (name: string): Promise<unknown> => page.waitForSelector(`[data-phase="${name}"]`, { timeout: 60_000 });
const transport = (name: string) => page.locator('.results .transport').getByRole('button', { name, exact: true });
const open = async (hash: string): Promise<void> => {
  await page.goto(`${server.origin}/a folder/${hash}`);
  await page.waitForSelector('.primary:enabled', { timeout: 60_000 });
};

describe('on a host without headers, in a folder with a space', () => {
  it('gets shared memory by its service worker, and works with the network cut', async () => {
    await open(quick);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(await page.locator('footer').textContent()).toContain('simd-threads, 1 thread');
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector('.primary:enabled');
    await page.click('.primary');
    await phase('trained');
    await page.waitForFunction(() =>
      document.querySelector('.verdict')?.textContent?.match(/fooled|withstands|as it is/),
    );
    await page.getByRole('button', { name: 'Draw the landscape' }).click();
    await page.waitForSelector('.landscape .ball');
    expect(problems).toEqual([]);
  }, 120_000);
});

describe('its controls', () => {
  it('take single steps, hold, go on, and reset', async () => {
    // Steps that take long enough for somebody to press a button between two of them.
    await open(`${quick}&regime=adversarial`);
    await transport('Step').click();
    await phase('held');
    await page.waitForFunction(
      () => document.querySelector('.progress [role=status]')?.textContent === 'One step taken',
    );
    const curves = (): Promise<number[]> =>
      page.evaluate(() => {
        const session = JSON.parse(localStorage.getItem('kwta-page-session') ?? '{"networks":[]}');
        return session.networks.map(({ curve }: { curve: { loss: number[] } }) => curve.loss.length);
      });
    await transport('Step').click();
    await page.waitForTimeout(1000);
    await transport('Go on').click();
    await phase('training');
    await transport('Pause').click();
    await phase('held');
    const steps = await curves();
    expect(steps).toHaveLength(2);
    for (const count of steps) {
      expect(count).toBeGreaterThanOrEqual(2);
      expect(count).toBeLessThan(16);
    }
    await page.reload();
    await phase('held');
    expect(await page.locator('[role=status]').textContent()).toContain('back');
    await transport('Go on').click();
    await phase('trained');
    expect(await curves()).toEqual([16, 16]);
    await transport('Reset').click();
    await phase('fresh');
    expect(await page.locator('.verdict').allTextContents()).toEqual(['Not trained yet.', 'Not trained yet.']);
    expect(problems).toEqual([]);
  }, 120_000);

  it('are where the address puts them, and write what is chosen there', async () => {
    await open(
      '#threads=1&count=1000&epochs=2&gamma=0.2&regime=adversarial&attack=square&epsilon=0.12&networks=kwta&image=5',
    );
    const checked = await page
      .locator('input[type=radio]:checked')
      .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
    expect(checked).toEqual(['figures', 'kwta', 'adversarial', 'square', '16']);
    const sliders = await page.locator('.slider output').allTextContents();
    expect(sliders.slice(0, 4)).toEqual(['1000', '20 %', '2', '0.12']);
    expect(await page.locator('.thumb[aria-pressed=true]').getAttribute('aria-label')).toMatch(/^Test image 6: /);
    await page.getByRole('radio', { name: 'Natural' }).check();
    await page.locator('.slider input').nth(1).focus();
    await page.keyboard.press('ArrowRight');
    expect(page.url()).toContain('regime=natural');
    expect(page.url()).toContain('gamma=0.21');
    await page.goto(`${server.origin}/a folder/#gamma=7&attack=none&image=-1`);
    await page.reload();
    await page.waitForSelector('.primary:enabled');
    expect(page.url()).toContain('gamma=0.1&');
  }, 60_000);

  it('need no pointer: an image is drawn and attacked by keys', async () => {
    await open(`${quick}&networks=kwta`);
    await page.click('.primary');
    await phase('trained');
    await page.waitForSelector('.primary:enabled');
    await page.getByRole('button', { name: 'Draw one' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.sheet').focus();
    for (const key of [' ', 'ArrowDown', ' ', 'ArrowDown', ' ', 'ArrowDown', ' ']) await page.keyboard.press(key);
    await page.waitForFunction(() => location.hash.includes('drawn='));
    await page.waitForFunction(() => document.querySelector('.verdict')?.textContent === 'k-WTA is right.');
    await page.getByRole('button', { name: 'Attack', exact: true }).last().focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.verdict')?.textContent?.match(/fooled|withstands/));
    const shown = await page.locator('.verdict').textContent();
    await page.reload();
    await phase('trained');
    await page.waitForFunction(() => document.querySelector('.verdict')?.textContent === 'k-WTA is right.');
    expect(shown).toMatch(/after \d+ queries|withstands 40 queries/);
    expect(problems).toEqual([]);
  }, 90_000);
});

/** A grey PNG of 40 x 30 pixels: dark and bright halves, side by side or one above the other. */
function stripes(kind: 'beside' | 'above', number: number): { name: string; mimeType: string; buffer: Buffer } {
  const data = Uint8Array.from({ length: 40 * 30 }, (_, i) => {
    const bright = kind === 'beside' ? i % 40 < 15 + (number % 10) : Math.floor(i / 40) < 10 + (number % 10);
    return bright ? 200 + number : 20 + number;
  });
  const png = encode({ width: 40, height: 30, channels: 1, depth: 8, data });
  return { name: `${kind}-${number}.png`, mimeType: 'image/png', buffer: Buffer.from(png) };
}

describe('images of the user', () => {
  it('are trained on, told apart by their names', async () => {
    await open('#threads=1&count=1000&epochs=10&networks=kwta');
    const files = (['beside', 'above'] as const).flatMap((kind) =>
      Array.from({ length: 40 }, (_, i) => stripes(kind, i)),
    );
    await page.locator('input[type=file]').setInputFiles(files);
    await page.waitForFunction(() =>
      document.querySelector('.data .hint')?.textContent?.startsWith('64 to train on, 16 to test, 2 classes'),
    );
    await page.click('.primary');
    await phase('trained');
    expect(await page.locator('.bars .name').allTextContents()).toEqual(['above', 'beside']);
    const tested = await page.locator('.results .figures tbody td').nth(2).textContent();
    expect(Number.parseFloat(tested ?? '')).toBeGreaterThan(80);
    expect(problems).toEqual([]);
  }, 90_000);

  it('that are wrong are told what is expected', async () => {
    await open(quick);
    await page.locator('input[type=file]').setInputFiles([stripes('beside', 1), stripes('beside', 2)]);
    await page.waitForFunction(() =>
      document.querySelector('[role=alert]')?.textContent?.includes('two classes or more'),
    );
    expect(await page.locator('.data .hint').textContent()).toMatch(/^1000 to train on/);
  }, 60_000);

  const fashion = path.join(process.env.KWTA_DATA ?? '', 'fashion-mnist');
  it.skipIf(!existsSync(fashion))(
    'may be the files of Fashion-MNIST, which are there again next time',
    async () => {
      await open(quick);
      const names = ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'];
      const files = names
        .map((name) => path.join(fashion, `${name}-ubyte`))
        .map((file) => (existsSync(file) ? file : `${file}.gz`));
      await page.locator('input[type=file]').setInputFiles(files);
      const there = () =>
        document.querySelector('.data .hint')?.textContent?.startsWith('1000 to train on, 10000 to test');
      await page.waitForFunction(there, undefined, { timeout: 60_000 });
      await page.reload();
      await page.waitForFunction(there, undefined, { timeout: 60_000 });
      expect(await page.locator('.bars .name').first().textContent()).toBe('T-shirt/top');
      expect(page.url()).toContain('data=fashion');
      expect(problems).toEqual([]);
    },
    150_000,
  );
});
