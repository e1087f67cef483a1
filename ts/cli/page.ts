/** `kwta page`: serves the demo page from the package, with the headers by which it computes on all cores. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { Option } from 'commander';
import { integer, UsageError } from './options.js';

interface Flags {
  port: number;
  host: string;
}

/** The package's folder of built files: the page is in `page`, the kernels in `wasm`. */
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
      if ((await sizeOf(path.join(dist, 'page', 'index.html'))) === undefined) {
        throw new UsageError('this copy of the package was built without its page: npm run build makes it');
      }
      const server = await listen(port, host);
      const { port: taken } = server.address() as AddressInfo;
      console.log(`http://${host}:${taken}/ (Ctrl-C ends it)`);
    });
}

function listen(port: number, host: string): Promise<Server> {
  const server = createServer(({ method, url = '/' }, response) => {
    void answer(method, url, response).catch((error: unknown) => response.destroy(error as Error));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is taken; --port 0 takes any that is free' : error.message;
      reject(new UsageError(`--port: ${host}:${port} ${reason}`));
    });
    server.listen(port, host, () => resolve(server));
  });
}

async function answer(method: string | undefined, url: string, response: ServerResponse): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405);
  const file = fileOf(url);
  const size = file === undefined ? undefined : await sizeOf(file);
  if (file === undefined || size === undefined) return refuse(response, 404);
  const type = types[path.extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': size });
  if (method === 'HEAD') response.end();
  else createReadStream(file).pipe(response);
}

/** The file of an address: the page's own, or one of the kernels; nothing for any other. */
function fileOf(url: string): string | undefined {
  const name = nameOf(url);
  if (name === undefined) return undefined;
  const folder = path.join(dist, name.startsWith('/wasm/') ? '' : 'page');
  const file = path.join(folder, name.endsWith('/') ? `${name}index.html` : name);
  return file.startsWith(folder) && path.extname(file) in types ? file : undefined;
}

function nameOf(url: string): string | undefined {
  try {
    return path.posix.normalize(decodeURIComponent(new URL(url, 'http://page').pathname));
  } catch {
    return undefined;
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(status === 404 ? 'There is no such file.' : 'Only GET and HEAD.');
}
