// Training runs killed at any moment and taken up again: what they end with has the bits of a run that nobody killed, and
// whatever lies at the checkpoint's path in between is whole and no older than before.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { Random } from '../../dist/base/random.js';
import { createRuntime } from '../../dist/index.js';
import { decodeCheckpoint } from '../../dist/train/checkpoint.js';
import { runs, spec, train } from './runs.mjs';

/** @typedef {import('../../dist/client/runtime.js').Runtime} Runtime */

const child = fileURLToPath(new URL('killedRun.mjs', import.meta.url));

/** Most kills of one run. */
const most = 8;

/**
 * Kills processes, one after another, until `count` are dead. Each run comes to its end when it has had its share of them,
 * so that a run of each kind is compared, however fast the machine is.
 * @param {{ count: number, seed: number, onDone?: (done: number) => void }} options
 * @returns {Promise<{ kills: number, finished: number, resumed: number, problems: string[] }>} how many runs came to their
 *   end, how many processes went on from a checkpoint, and one problem a line
 */
export async function killRuns({ count, seed, onDone }) {
  const result = { kills: 0, finished: 0, resumed: 0, problems: /** @type {string[]} */ ([]) };
  const runtime = await createRuntime({ threads: 1, deterministic: true });
  const names = Object.keys(runs);
  const share = Math.min(most, Math.max(1, Math.floor(count / names.length)));
  try {
    for (let i = 0; result.kills < count; i++) {
      const name = names[i % names.length];
      const folder = mkdtempSync(path.join(tmpdir(), 'kwta-kill-'));
      try {
        await killOne(runtime, {
          folder,
          name,
          random: new Random(seed, i),
          kills: Math.min(share, count - result.kills),
          result,
          onDone,
        });
      } catch (error) {
        result.problems.push(`seed ${seed}, run ${i}, ${name}: ${/** @type {Error} */ (error).message}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
    return result;
  } finally {
    await runtime.dispose();
  }
}

/**
 * One run, in as many processes as it takes.
 * @param {Runtime} runtime
 * @param {{ folder: string, name: string, random: Random, kills: number, onDone?: (done: number) => void,
 *   result: { kills: number, finished: number, resumed: number } }} options
 */
async function killOne(runtime, { folder, name, random, kills, result, onDone }) {
  const file = path.join(folder, 'run.safetensors');
  let step = 0;
  let left = kills;
  for (let over = false; !over; ) {
    if (step > 0) result.resumed++;
    const moment = { lines: random.integer(12), wait: random.integer(20) };
    over = await runUntilKilled([folder, name], left > 0 ? moment : undefined);
    if (!over) {
      left--;
      result.kills++;
      onDone?.(result.kills);
    }
    if (!existsSync(file)) continue;
    const { state } = decodeCheckpoint(file, new Uint8Array(readFileSync(file)));
    if (state.step < step)
      throw new Error(`the checkpoint is of step ${state.step}; before the kill it was of ${step}`);
    step = state.step;
    await (await runtime.load(file)).dispose();
    checkFolder(folder);
  }
  const expected = await finalWeights(runtime, name);
  const model = await runtime.load(path.join(folder, 'final.safetensors'));
  if (!isDeepStrictEqual(await model.stateDict(), expected)) throw new Error('the weights differ');
  await model.dispose();
  result.finished++;
}

/**
 * No more than were asked for; what a kill left half written has a name that nobody reads.
 * @param {string} folder
 */
function checkFolder(folder) {
  const names = readdirSync(folder).filter((name) => !/^\.kwta-.*\.tmp$/.test(name));
  // Three, and one that was to be removed when the kill came, the best, and the final model.
  if (names.length > 6) throw new Error(`there are ${names.length} files: ${names.join(', ')}`);
}

/**
 * @param {string[]} args
 * @param {{ lines: number, wait: number } | undefined} moment so many lines of output after the first, and milliseconds
 * @returns {Promise<boolean>} whether the process came to its end by itself
 */
async function runUntilKilled(args, moment) {
  const work = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  work.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text;
  });
  const ended = new Promise((resolve) => work.on('close', (code, signal) => resolve({ code, signal })));
  if (moment !== undefined) {
    let lines = 0;
    const reached = new Promise((resolve) => {
      work.stdout.setEncoding('utf8').on('data', (text) => {
        lines += text.split('\n').length - 1;
        if (lines > moment.lines) resolve(undefined);
      });
    });
    await Promise.race([reached.then(() => setTimeout(moment.wait)), ended]);
    work.kill('SIGKILL');
  } else work.stdout.resume();
  const { code, signal } = await ended;
  if (signal === null && code !== 0) throw new Error(`a process ended with code ${code}: ${complaint}`);
  return signal === null;
}

/** @type {Map<string, unknown>} */
const finals = new Map();

/**
 * What a run ends with that nobody kills.
 * @param {Runtime} runtime
 * @param {string} name
 */
async function finalWeights(runtime, name) {
  if (!finals.has(name)) {
    const model = await runtime.model(spec, { seed: 3 });
    await model.fit(train, runs[name]);
    finals.set(name, await model.stateDict());
    await model.dispose();
  }
  return finals.get(name);
}
