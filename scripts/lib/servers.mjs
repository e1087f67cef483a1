// Redis and PostgreSQL as a distribution installs them, started for a while on a port and a folder of their own.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { which } from './steps.mjs';

/** @typedef {{ url: string, stop: () => Promise<void> }} Server */

/** What starts each, or nothing where it is not installed. */
export const servers = {
  redis: which('redis-server') ? startRedis : undefined,
  postgres: postgresBin() === undefined ? undefined : startPostgres,
};

/** The folder of PostgreSQL's programs, of the newest version. */
function postgresBin() {
  const root = '/usr/lib/postgresql';
  const [newest] = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const bin = newest && path.join(root, newest, 'bin');
  return bin && existsSync(path.join(bin, 'pg_ctl')) ? bin : undefined;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @returns {Promise<Server>} */
async function startRedis() {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'kwta-redis-'));
  const child = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', folder], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const answers = () => spawnSync('redis-cli', ['-p', String(port), 'ping']).status === 0;
  while (!answers()) await setTimeout(50);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** @returns {Promise<Server>} */
async function startPostgres() {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'kwta-postgres-'));
  chmodSync(folder, 0o755);
  const root = process.getuid?.() === 0;
  // The server refuses to run as root.
  if (root) execFileSync('chown', ['postgres', folder]);
  const run = (/** @type {string} */ name, /** @type {string[]} */ args) => {
    const file = path.join(/** @type {string} */ (postgresBin()), name);
    const [command, ...all] = root ? ['runuser', '-u', 'postgres', '--', file, ...args] : [file, ...args];
    execFileSync(command, all, { stdio: 'ignore', cwd: folder });
  };
  const data = path.join(folder, 'data');
  run('initdb', ['-D', data, '-A', 'trust', '-U', 'postgres']);
  run('pg_ctl', [
    '-D',
    data,
    '-o',
    `-p ${port} -k ${folder} -c fsync=off`,
    '-l',
    path.join(folder, 'log'),
    '-w',
    'start',
  ]);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      run('pg_ctl', ['-D', data, '-m', 'immediate', 'stop']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
