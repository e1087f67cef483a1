// Stages, child processes and failures, as all commands in scripts/ use them. Needs nothing installed.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/[\\/]$/, '');

/** Where tools and compiled dependencies live, shared by all checkouts. */
export const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'kwta');

/** A failure that one sentence explains: it is printed without a stack. */
export class Failure extends Error {}

/**
 * Runs a command of this folder: prints failures as a sentence and sets the exit code.
 * @param {() => Promise<void>} command
 */
export async function main(command) {
  try {
    await command();
  } catch (error) {
    console.error(error instanceof Failure ? `\nkwta: ${error.message}` : error);
    process.exitCode ||= 1;
  }
}

/**
 * Prints a headline, does the work, prints how long it took.
 * @template T
 * @param {string} title
 * @param {() => Promise<T> | T} work
 * @returns {Promise<T>}
 */
export async function stage(title, work) {
  console.log(`\n== ${title}`);
  const start = performance.now();
  try {
    return await work();
  } finally {
    console.log(`   ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}

/** @param {string} text */
export function note(text) {
  console.log(`   ${text}`);
}

/**
 * @typedef {object} RunOptions
 * @property {NodeJS.ProcessEnv} [env] the whole environment; default: this process's
 * @property {string} [cwd] default: the checkout
 * @property {boolean} [capture] keep the output to itself
 * @property {(text: string) => void} [onOutput] sees standard output while it is shown
 */

/**
 * Runs a program to its end. Ctrl-C reaches the program, and this process waits for it to clean up.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function tryRun(program, args, { env = process.env, cwd = root, capture = false, onOutput } = {}) {
  return new Promise((resolve) => {
    const piped = capture || onOutput !== undefined;
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['inherit', piped ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
    });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (!capture) process.stdout.write(text);
      onOutput?.(text);
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    const interrupted = () => {};
    const terminated = () => child.kill('SIGTERM');
    process.on('SIGINT', interrupted).on('SIGTERM', terminated);
    const settle = (/** @type {number} */ code) => {
      process.off('SIGINT', interrupted).off('SIGTERM', terminated);
      resolve({ code, output });
    };
    child.once('error', (error) => {
      output += error.message;
      settle(127);
    });
    child.once('close', (code, signal) => settle(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/**
 * As `tryRun`, but failing is a Failure; resolves to the output.
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export async function run(program, args, options) {
  const { code, output } = await tryRun(program, args, options);
  if (code === 0) return output;
  if (options?.capture) console.error(output);
  throw new Failure(`\`${[path.basename(program), ...args].join(' ')}\` failed with code ${code}.`);
}

/**
 * The full path of a program on PATH, or undefined.
 * @param {string} name
 */
export function which(name) {
  const candidates = (process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  return candidates.find(isExecutable);
}

/**
 * A program of this machine: what an environment variable names, else the first command on the path, else the first file there.
 * @param {string} variable
 * @param {{ commands: string[], files: string[] }} places
 * @returns {string | undefined}
 * @throws {Failure} when the variable names what cannot be executed
 */
export function installedProgram(variable, { commands, files }) {
  const named = process.env[variable];
  if (named && !isExecutable(named)) throw new Failure(`${variable} is set to ${named}, which cannot be executed.`);
  return named || commands.map(which).find(Boolean) || files.find(existsSync);
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program of a package in node_modules with this Node.
 * @param {string} file path of its script below node_modules
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function runPackage(file, args, options) {
  return run(process.execPath, [path.join(root, 'node_modules', file), ...args], options);
}

/**
 * Installs Debian packages when this is Debian and we may; says what it did.
 * @param {string[]} packages
 * @returns {Promise<boolean>} whether they are installed now
 */
export async function installDebianPackages(packages) {
  if (!which('apt-get')) return false;
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  if (prefix.length > 0 && (!which('sudo') || (await tryRun('sudo', ['-n', 'true'], { capture: true })).code !== 0))
    return false;
  note(`installing Debian packages ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (/** @type {string[]} */ ...args) => {
    const [program, ...rest] = [...prefix, 'apt-get', '-qq', ...args];
    return tryRun(program, rest, { capture: true, env });
  };
  await apt('update');
  const { code, output } = await apt('install', '-y', '--no-install-recommends', ...packages);
  if (code !== 0) note(`apt-get failed: ${output.trim().split('\n').at(-1)}`);
  return code === 0;
}

/**
 * Whole numbers from the command line; `defaults` stand for those left out.
 * @param {string} script
 * @param {number[]} defaults
 */
export function counts(script, defaults) {
  const given = process.argv.slice(2).map(Number);
  if (given.length > defaults.length || !given.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw new Failure(`expected whole numbers: npm run ${script} [-- count [seed]]`);
  }
  return defaults.map((value, i) => given[i] ?? value);
}
