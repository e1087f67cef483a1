/** The demo page as a newcomer meets it: from opening it to an adversarial image, and back again the next day. */
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kwtaPage } from '../node/command.js';
import { launch } from '../package/pages.js';
import { shiftOf, trace, watch, watchShifts } from './browser.js';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Milliseconds. */
const minute = 60_000;
/** Longest that the main thread may be held, in milliseconds. */
const patience = 50;
/** Smallest jump that Chromium's own tools call good is 0.1; here nothing but text that gets longer moves. */
const stillness = 0.01;

let browser: Browser;
let server: Awaited<ReturnType<typeof kwtaPage>>;
let context: BrowserContext;
let page: Page;
let problems: string[];

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), kwtaPage()]);
  context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  await watchShifts(context);
  page = await context.newPage();
  problems = watch(page);
});

afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

const verdicts = (): Promise<string[]> => page.locator('.verdict').allTextContents();
const usable = (): Promise<unknown> => page.waitForSelector('.primary:enabled');

describe('from opening to the first adversarial image', () => {
  it('takes one button and less than a minute, holds nothing up, and lets nothing jump', async () => {
    const traced = await trace(browser);
    const opened = performance.now();
    await page.goto(`${server.url}#threads=1`);
    await usable();
    const first = performance.now() - opened;
    await context.setOffline(true);
    await page.click('.primary');
    await page.waitForSelector('[data-fooled="true"]', { timeout: 2 * minute });
    const adversarial = performance.now() - opened;
    await usable();
    const tasks = await traced();
    const shift = await shiftOf(page);
    console.log(
      `usable after ${(first / 1000).toFixed(1)} s, an adversarial image after ${(adversarial / 1000).toFixed(1)} s; longest ` +
        `task ${tasks.longest.toFixed(0)} ms (by the clock ${tasks.longestByClock.toFixed(0)} ms) of ${tasks.count}; layout shift ${shift.toFixed(4)}`,
    );
    await context.setOffline(false);
    expect(adversarial).toBeLessThan(minute);
    expect(tasks.count).toBeGreaterThan(100);
    expect(tasks.longest).toBeLessThan(patience);
    expect(shift).toBeLessThan(stillness);
    expect(problems).toEqual([]);
  }, 180_000);

  it('shows why k-WTA looks robust: PGD breaks ReLU alone', async () => {
    const [relu, kwta] = await verdicts();
    expect(relu).toMatch(/^ReLU is fooled after \d+ queries: it sees \w+\.$/);
    expect(kwta).toBe('k-WTA withstands 40 queries.');
    for (const name of ['ReLU', 'k-WTA']) {
      const tested = page.locator('.results .figures tr', { hasText: name }).locator('td').nth(2);
      expect(Number.parseFloat((await tested.textContent()) ?? '')).toBeGreaterThan(90);
    }
  });

  it('and how it falls: an estimated gradient breaks it at the same radius', async () => {
    await page.getByRole('button', { name: 'How it falls' }).click();
    await page.waitForFunction(() =>
      document.querySelectorAll('.verdict')[1]?.textContent?.includes('k-WTA is fooled'),
    );
    expect(page.url()).toContain('attack=estimated');
    expect((await verdicts())[1]).toMatch(/^k-WTA is fooled after \d+ queries: it sees \w+\.$/);
    await usable();
    const changed = await page.locator('.layers strong').allTextContents();
    expect(changed).toHaveLength(3);
    for (const share of changed) expect(Number.parseFloat(share)).toBeGreaterThan(0);
  }, 120_000);
});

describe('what can be looked at', () => {
  it('has a landscape of both networks', async () => {
    await page.getByRole('button', { name: 'Draw the landscape' }).click();
    await page.waitForSelector('.landscape .ball', { timeout: minute });
    const shares = (await page.locator('.landscape strong').allTextContents()).map(Number.parseFloat);
    expect(shares).toHaveLength(2);
    for (const share of shares) {
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThan(100);
    }
  }, 90_000);

  it('has a table whose findings say that it is an upper bound', async () => {
    await page.getByRole('button', { name: 'Measure' }).click();
    await page.waitForSelector('.report table', { timeout: 2 * minute });
    const rows = await page.locator('.report tbody tr').allTextContents();
    expect(rows.map((row) => row.match(/^[a-z ]+/i)?.[0].trim())).toEqual([
      'as they are',
      'pgd',
      'square',
      'worst case',
    ]);
    expect(await page.locator('.findings').textContent()).toContain('upper bound');
    expect(problems).toEqual([]);
  }, 150_000);

  it('can be saved, as a picture and as data', async () => {
    const save = async (name: string) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name, exact: true }).click(),
      ]);
      const chunks: Buffer[] = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk);
      return { name: download.suggestedFilename(), bytes: Buffer.concat(chunks) };
    };
    const picture = await save('Save the picture');
    expect(picture.name).toBe('kwta-finding.png');
    expect(picture.bytes.subarray(1, 4).toString()).toBe('PNG');
    const data = JSON.parse((await save('Save the data')).bytes.toString());
    expect(data.settings.attack).toBe('estimated');
    expect(data.attacks.map(({ network }: { network: string }) => network)).toEqual(['relu', 'kwta']);
    expect(data.attacks[1].fooled).toBe(true);
    expect(data.attacks[1].adversarial).toHaveLength(784);
    expect(data.report.models).toHaveLength(2);
  });
});

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  it('is accessible: axe finds nothing serious', async () => {
    await page.emulateMedia({ colorScheme });
    await page.addScriptTag({ path: axePath });
    const found = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
      interface Violation {
        id: string;
        impact: string;
        nodes: { html: string }[];
      }
      const { violations } = await axe.run();
      return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    });
    expect(found.filter((each) => /^(serious|critical)/.test(each))).toEqual([]);
  });

  it.each([360, 768, 1400, 2560])('fits %d pixels', async (width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(300);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
});

describe('the next visit', () => {
  it('finds the networks as they were, and the address says what is shown', async () => {
    await page.setViewportSize({ width: 1400, height: 900 });
    const before = await page.locator('.results .figures tbody').textContent();
    await page.close();
    page = await context.newPage();
    problems = watch(page);
    await page.goto(server.url);
    await page.waitForSelector('[data-phase="trained"]', { timeout: minute });
    expect(page.url()).toContain('attack=estimated');
    // Images a second are those of the present.
    const after = (await page.locator('.results .figures tbody').textContent()) ?? '';
    const accuracies = (text: string | null): string[] => text?.match(/[\d.]+ %/g) ?? [];
    expect(accuracies(after)).toEqual(accuracies(before));
    await page.click('.primary');
    await page.waitForFunction(() =>
      document.querySelectorAll('.verdict')[1]?.textContent?.includes('k-WTA is fooled'),
    );
    expect(problems).toEqual([]);
  }, 120_000);
});
