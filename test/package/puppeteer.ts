/**
 * Pages in browsers that puppeteer drives: Firefox as it is installed, where playwright drives only its own, and tabs in the
 * background, where playwright keeps all as if they were seen.
 */
import path from 'node:path';
import { ensureChromium } from '../../scripts/lib/chromium.mjs';
import { ensureFirefox } from '../../scripts/lib/firefox.mjs';
import type { Visit } from './pages.js';
import { installTools } from './tarball.js';

/** What is used of puppeteer's pages. */
export interface Tab {
  goto(url: string): Promise<unknown>;
  evaluate<T>(code: string): Promise<T>;
  waitForFunction(code: string, options?: { timeout?: number; polling?: number }): Promise<unknown>;
  bringToFront(): Promise<void>;
  createCDPSession(): Promise<{ send(method: string, options: object): Promise<unknown> }>;
  close(): Promise<void>;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: unknown) => void): void;
}

/** A browser that puppeteer drives. */
export interface Driven {
  version(): Promise<string>;
  newPage(): Promise<Tab>;
  close(): Promise<void>;
}

/** Starts a browser whose tabs go into the background as a user's do; puppeteer is installed into the folder. */
export async function drive(name: 'firefox' | 'chrome', folder: string): Promise<Driven> {
  const executablePath = await (name === 'firefox' ? ensureFirefox() : ensureChromium());
  await installTools(['puppeteer-core@25.16.0'], folder);
  const file = path.join(folder, 'node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js');
  const { default: puppeteer } = (await import(file)) as { default: { launch(options: object): Promise<Driven> } };
  const args = name === 'chrome' ? ['--no-sandbox', '--disable-gpu'] : [];
  const ignoreDefaultArgs = [
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
  ];
  return puppeteer.launch({ browser: name, executablePath, headless: true, args, ignoreDefaultArgs });
}

/** A tab, and what must not happen in it, as it happens. */
export async function openTab(browser: Driven): Promise<{ tab: Tab; problems: string[] }> {
  const tab = await browser.newPage();
  const problems: string[] = [];
  tab.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) problems.push(message.text());
  });
  tab.on('pageerror', (error) => problems.push(String(error)));
  return { tab, problems };
}

/** A tab with the page `running` of threadPages.ts, which waits to be told to train. */
export async function openRunning(browser: Driven, origin: string): Promise<Tab> {
  const { tab } = await openTab(browser);
  await tab.goto(`${origin}/`);
  await until(tab, "document.body?.dataset.ready === 'yes'");
  return tab;
}

/** Waits by the clock: nothing is drawn in a tab that nobody sees. */
export function until(tab: Tab, what: string): Promise<unknown> {
  return tab.waitForFunction(what, { polling: 100, timeout: 120_000 });
}

/** What became of a run in such a tab. */
export async function endOf(tab: Tab): Promise<string> {
  await until(tab, 'document.body.dataset.state !== undefined');
  return tab.evaluate("document.body.dataset.state + ': ' + document.body.dataset.text");
}

/** Opens a page of `writeProgram` and waits until it is done. */
export async function visitDriven(browser: Driven, url: string): Promise<Visit> {
  const { tab, problems } = await openTab(browser);
  try {
    await tab.goto(url);
    await until(tab, 'document.body?.dataset.state !== undefined');
    const shown = await tab.evaluate<Omit<Visit, 'problems' | 'notes'>>(`({
      state: document.body.dataset.state, text: document.body.dataset.text ?? '', isolated: crossOriginIsolated,
    })`);
    return { ...shown, problems, notes: [] };
  } finally {
    await tab.close();
  }
}
