/** Pages in Firefox as it is installed, which puppeteer drives by WebDriver BiDi; playwright drives only its own. */
import path from 'node:path';
import { ensureFirefox } from '../../scripts/lib/firefox.mjs';
import type { Visit } from './pages.js';
import { installTools } from './tarball.js';

/** What is used of puppeteer's pages. */
export interface Tab {
  goto(url: string): Promise<unknown>;
  evaluate<T>(code: string): Promise<T>;
  waitForFunction(code: string, options?: { timeout: number }): Promise<unknown>;
  close(): Promise<void>;
  on(event: 'console', listener: (message: { type(): string; text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: unknown) => void): void;
}

export interface Firefox {
  version(): Promise<string>;
  newPage(): Promise<Tab>;
  close(): Promise<void>;
}

/** Starts Firefox; puppeteer is installed into the folder. */
export async function launchFirefox(folder: string): Promise<Firefox> {
  const executablePath = await ensureFirefox();
  await installTools(['puppeteer-core@25.16.0'], folder);
  const file = path.join(folder, 'node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js');
  const { default: puppeteer } = (await import(file)) as {
    default: { launch(options: object): Promise<Firefox> };
  };
  return puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
}

/** A tab, and what must not happen in it, as it happens. */
export async function openTab(browser: Firefox): Promise<{ tab: Tab; problems: string[] }> {
  const tab = await browser.newPage();
  const problems: string[] = [];
  tab.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) problems.push(message.text());
  });
  tab.on('pageerror', (error) => problems.push(String(error)));
  return { tab, problems };
}

/** Opens a page of `writeProgram` and waits until it is done. */
export async function visitInFirefox(browser: Firefox, url: string): Promise<Visit> {
  const { tab, problems } = await openTab(browser);
  try {
    await tab.goto(url);
    await tab.waitForFunction('document.body?.dataset.state !== undefined', { timeout: 120_000 });
    const shown = await tab.evaluate<Omit<Visit, 'problems' | 'notes'>>(`({
      state: document.body.dataset.state, text: document.body.dataset.text ?? '', isolated: crossOriginIsolated,
    })`);
    return { ...shown, problems, notes: [] };
  } finally {
    await tab.close();
  }
}
