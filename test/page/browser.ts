/** What a page has done, as the tests of the demo page look at it. */
import type { Browser, BrowserContext, Page } from 'playwright';

/** What must not happen in a page, as it happens. */
export function watch(page: Page): string[] {
  const problems: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  return problems;
}

/** Sums up how far things have jumped without a user's doing. */
export async function watchShifts(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const all = { shift: 0 };
    Object.assign(globalThis, { layout: all });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) all.shift += entry.value;
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
}

export function shiftOf(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as { layout: { shift: number } }).layout.shift);
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds: when, how long by the clock, and how long the thread really ran. */
  ts: number;
  dur?: number;
  tdur?: number;
  args: { name?: string; data?: { documentLoaderURL?: string; isOutermostMainFrame?: boolean } };
}

/** Chromium's own trace of what happens from here on. */
export async function trace(browser: Browser): Promise<() => Promise<Tasks>> {
  const session = await browser.newBrowserCDPSession();
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const includedCategories = ['toplevel', 'devtools.timeline', 'blink.user_timing'];
  await session.send('Tracing.start', { traceConfig: { includedCategories }, transferMode: 'ReportEvents' });
  return async () => {
    const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await complete;
    await session.detach();
    return tasksOf(events);
  };
}

/** Tasks of a page's main thread, in milliseconds. */
export interface Tasks {
  count: number;
  /** Of the thread itself: a machine that has much else to do does not count. */
  longest: number;
  longestByClock: number;
}

function tasksOf(events: readonly TraceEvent[]): Tasks {
  // The browser's own pages have main threads, too: ours is the one that navigated to a server.
  const ours = events.find(
    ({ name, args }) => name === 'navigationStart' && args.data?.documentLoaderURL?.startsWith('http'),
  );
  const tasks = events.filter(
    ({ name, ph, pid, tid }) => name.endsWith('RunTask') && ph === 'X' && pid === ours?.pid && tid === ours.tid,
  );
  const longest = (of: 'dur' | 'tdur'): number => tasks.reduce((most, task) => Math.max(most, task[of] ?? 0), 0) / 1000;
  return { count: tasks.length, longest: longest('tdur'), longestByClock: longest('dur') };
}
