/** Pages in Chromium, and servers that answer as the tests say. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import path from 'node:path';
import { type Browser, chromium } from 'playwright';
import { ensureChromium } from '../../scripts/lib/chromium.mjs';
import type { Outcome } from './program.js';

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: await ensureChromium(),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}

/** A server that is closed again. */
export interface Served extends AsyncDisposable {
  /** Without a slash at its end. */
  origin: string;
  /** Paths that were asked for. */
  asked: string[];
}

/** How files are served. */
export interface ServeOptions {
  headers?: Record<string, string>;
  /** Answers in the place of the file, or says which other headers it has; nothing for the usual answer. */
  answer?: (url: string, request: IncomingMessage) => Answer | undefined;
}

/** An answer; without a body it is the file's. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Begins and never ends. */
  stalls?: boolean;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

/** Serves a folder. */
export async function serve(folder: string, { headers = {}, answer }: ServeOptions = {}): Promise<Served> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const name = decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    asked.push(name);
    const given = answer?.(name, request);
    const file = path.join(folder, name);
    const body = given?.body ?? (await readFile(file).catch(() => undefined));
    const type = { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' };
    response.writeHead(given?.status ?? (body === undefined ? 404 : 200), { ...type, ...headers, ...given?.headers });
    if (given?.stalls) response.write(' ');
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${portOf(server)}`, asked, [Symbol.asyncDispose]: () => close(server) };
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** What became of a page. */
export interface Visit {
  state: string;
  /** The outcome as JSON, or the error. */
  text: string;
  isolated: boolean;
  /** Warnings and errors in the console, and requests that failed. */
  problems: string[];
  /** Other lines in the console. */
  notes: string[];
}

/** Opens a page of `writeProgram` and waits until it is done. */
export async function visit(browser: Browser, url: string): Promise<Visit> {
  const page = await browser.newPage();
  const problems: string[] = [];
  const notes: string[] = [];
  page.on('console', (message) => {
    (['error', 'warning'].includes(message.type()) ? problems : notes).push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  try {
    await page.goto(url);
    const ended = () => document.body?.dataset.state !== undefined;
    await page.waitForFunction(ended, undefined, { timeout: 120_000 }).catch((error) => problems.push(String(error)));
    const shown = await page.evaluate(() => ({
      state: document.body.dataset.state ?? 'running',
      text: document.body.dataset.text ?? '',
      isolated: crossOriginIsolated,
    }));
    return { ...shown, problems, notes };
  } finally {
    await page.close();
  }
}

/** The outcome of a page that has to have been a success. */
export function outcomeOf({ state, text, problems }: Visit): Outcome {
  if (state !== 'done' || problems.length > 0) throw new Error(`${state}: ${text}\n${problems.join('\n')}`);
  return JSON.parse(text) as Outcome;
}
