/** `kwta page`: serves the demo page from the package, with the headers by which it computes on all cores. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { Option } from 'commander';
import { integer, UsageError } from './options.js';
import { type PageFiles, readPage } from './pageFiles.js';

interface Flags {
  port: number;
  host: string;
}

/** The package's folder of built files, whose kernels the page computes with. */
const dist = fileURLToPath(new URL('..', import.meta.url));

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
};

const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
  'X-Content-Type-Options': 'nosniff',
};

const largestPort = 65_535;

export function addPageCommand(program: Command): void {
  program
    .command('page')
    .summary('a page that trains networks and attacks them, in a browser')
    .description(
      'Serves the demo page: it trains a ReLU and a k-WTA network in the browser, and attacks them. Nothing leaves the browser.',
    )
    .addOption(new Option('--port <n>', '0 takes any that is free').argParser(integer(0)).default(8018))
    .option('--host <name>', 'address to listen on; others than this machine need https for threads', 'localhost')
    .action(async ({ port, host }: Flags) => {
      if (port > largestPort)
        throw new UsageError(`--port: expected a whole number from 0 to ${largestPort}, got ${port}`);
      const page = readPage();
      if (page === undefined)
        throw new UsageError('this copy of the package was built without its page: npm run build makes it');
      const server = await listen(page, port, host);
      const { port: taken } = server.address() as AddressInfo;
      console.log(`http://${host}:${taken}/ (Ctrl-C ends it)`);
    });
}

function listen(page: PageFiles, port: number, host: string): Promise<Server> {
  const server = createServer(({ method, url = '/' }, response) => {
    void answer(page, method, url, response).catch((error: unknown) => response.destroy(error as Error));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is taken; --port 0 takes any that is free' : error.message;
      reject(new UsageError(`--port: ${host}:${port} ${reason}`));
    });
    server.listen(port, host, () => resolve(server));
  });
}

async function answer(
  page: PageFiles,
  method: string | undefined,
  url: string,
  response: ServerResponse,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405);
  const asked = nameOf(url) ?? '';
  const name = asked.endsWith('/') ? `${asked}index.html` : asked;
  const body = page.get(name.slice(1)) ?? (await kernelsAt(name));
  if (body === undefined) return refuse(response, 404);
  const type = types[path.extname(name)] ?? 'application/octet-stream';
  response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': body.length });
  response.end(method === 'HEAD' ? undefined : body);
}

/** A build of the kernels, if the address is one's. */
async function kernelsAt(name: string): Promise<Buffer | undefined> {
  const variant = name.match(/^\/wasm\/([\w-]+)\/kwta_bg\.wasm$/)?.[1];
  return variant === undefined
    ? undefined
    : readFile(path.join(dist, 'wasm', variant, 'kwta_bg.wasm')).catch(() => undefined);
}

function nameOf(url: string): string | undefined {
  try {
    return path.posix.normalize(decodeURIComponent(new URL(url, 'http://page').pathname));
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(status === 404 ? 'There is no such file.' : 'Only GET and HEAD.');
}
