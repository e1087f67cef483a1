/**
 * Runs tasks on peers: each peer a child process that speaks the protocol of peers/protocol.mjs.
 *
 * For every task all peers load the same input files; their results are compared before anything is timed; then
 * short bursts go round the peers, so that a slow phase of the machine hits all of them alike.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const BURST_MS = 40;
const WARM_UP_MS = 250;
const MAXIMUM_BURST = 400;

/** Inputs and results of the task at hand. */
const folder = mkdtempSync(join(tmpdir(), 'kwta-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/**
 * @typedef {object} PeerDescription
 * @property {string} name
 * @property {number} threads
 * @property {() => string[] | Promise<string[]>} command  builds what needs building
 * @property {Record<string, string>} [env]
 * @property {string} [peak]  the peer whose peak is this one's, when it knows none itself
 * @property {string} hint  what to install when the peer does not start
 *
 * @typedef {object} Task
 * @property {string} name
 * @property {string} kind
 * @property {Record<string, number | string>} spec
 * @property {Record<string, Float32Array>} inputs
 * @property {number} [flops]  of the dense operation
 * @property {Record<string, number>} [work]  FLOPs that a variant really does, where they are fewer
 * @property {number | Record<string, number>} [bytes]  that a run moves at least; by variant where it differs
 * @property {number} [samples]
 * @property {Sweep} [sweep]  that the task is a point of
 * @property {boolean} [againstPeak]  measure the peers' peaks along with the task
 * @property {(peer: PeerDescription) => boolean} [takes]  leaves out peers; default: none
 * @property {(actual: Float32Array, expected: Float32Array, variant: string) => string | null} [compare]
 *   returns what is wrong, or null
 *
 * @typedef {{ over: string, of: string, at: number }} Sweep  what varies, what stays, and its value here
 *
 * @typedef {{ peer: string, variant: string, minimum: number, median: number, runs: number, work?: number,
 *             bytes?: number, peak?: number }} Timing  times in ms; `peak`: FLOP/ms of the engine in the same rounds
 * @typedef {{ suite: string, task: string, kind: string, spec: Record<string, number | string>, flops?: number,
 *             samples?: number, sweep?: Sweep, timings: Timing[], wrong: string[] }} Result
 * @typedef {{ peer: Peer, variant: string, ms: number[], burst: number }} Entry
 */

/** A running peer. */
export class Peer {
  /**
   * @param {PeerDescription} description
   * @param {string[]} command
   */
  constructor(description, [command, ...args]) {
    this.description = description;
    this.name = description.name;
    this.child = spawn(command, args, {
      env: { ...process.env, ...description.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    /** @type {Record<string, string>} */
    this.versions = {};
    /** @type {{ name: string, flops: number } | undefined} */
    this.peak = undefined;
    /** Runs of its peak kernel that fill a burst; 0: not known yet. */
    this.peakBurst = 0;
    this.complaint = '';
    this.child.stderr.on('data', (text) => {
      this.complaint = (this.complaint + text).slice(-2000);
    });
    this.child.stdin.on('error', () => {}); // a dead peer is reported by `ended`
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('exit', (code, signal) => resolve(`ended with ${signal ?? code}`));
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /**
   * @param {string} request
   * @returns {Promise<any>}
   */
  async ask(request) {
    this.child.stdin.write(`${request}\n`);
    const next = await Promise.race([this.lines.next(), this.ended]);
    if (typeof next === 'string' || next.done) {
      const lines = this.complaint.trim().split('\n');
      const last = lines.findLast((line) => /^\S*Error: |panicked/.test(line)) ?? lines.pop();
      throw new Error(`${this.name} ${typeof next === 'string' ? next : await this.ended}${last ? `: ${last}` : ''}`);
    }
    const reply = JSON.parse(next.value);
    if (reply.error) throw new Error(`${this.name}: ${reply.error}`);
    return reply;
  }

  close() {
    this.child.stdin.end();
  }
}

/**
 * Starts the peers that are there.
 * @param {PeerDescription[]} descriptions
 */
export async function startPeers(descriptions) {
  const peers = [];
  const absent = [];
  for (const description of descriptions) {
    let peer;
    try {
      peer = new Peer(description, await description.command());
      Object.assign(peer, await peer.ask('info'));
      peers.push(peer);
    } catch (error) {
      peer?.close();
      absent.push({ name: description.name, reason: /** @type {Error} */ (error).message, hint: description.hint });
    }
  }
  return { peers, absent };
}

/** All times of a run, so that a later pass adds to those of an earlier one. */
export class Times {
  /** @type {Map<string, number[]>} */
  #lists = new Map();

  /**
   * @param {string} suite
   * @param {Task} task
   * @param {Peer} peer
   * @param {string} variant
   */
  of(suite, task, peer, variant) {
    const key = JSON.stringify([suite, task.name, task.sweep, peer.name, variant]);
    const list = this.#lists.get(key) ?? [];
    this.#lists.set(key, list);
    return list;
  }
}

/**
 * Checks and times one task on every peer that knows it.
 * @param {string} suite
 * @param {Task} task
 * @param {Peer[]} peers
 * @param {number} rounds
 * @param {Times} times
 * @returns {Promise<Result>}
 */
export async function measure(suite, task, peers, rounds, times) {
  const entryOf = (/** @type {Peer} */ peer, /** @type {string} */ variant, burst = 1) => ({
    peer,
    variant,
    ms: times.of(suite, task, peer, variant),
    burst,
  });
  for (const [name, data] of Object.entries(task.inputs)) writeFileSync(join(folder, `${name}.f32`), data);
  const pairs = Object.entries({ ...task.spec, dir: folder }).map(([key, value]) => `${key}=${value}`);
  /** @type {Entry[]} */
  const entries = [];
  /** @type {string[]} */
  const wrong = [];
  for (const peer of peers.filter(({ description }) => task.takes?.(description) ?? true)) {
    try {
      const { variants } = await peer.ask(`load ${task.kind} ${pairs.join(' ')}`);
      for (const variant of variants) entries.push(entryOf(peer, variant));
    } catch (error) {
      wrong.push(/** @type {Error} */ (error).message);
    }
  }
  const right = await check(task, entries, join(folder, 'result'), wrong);
  const peaks = task.againstPeak ? peaksFor(right, peers).map((peer) => entryOf(peer, 'peak', peer.peakBurst)) : [];
  const all = [...peaks, ...right];
  for (const entry of all) {
    if (entry.variant !== 'peak') await warmUp(entry);
    else if (entry.burst === 0) {
      await warmUp(entry);
      entry.peer.peakBurst = entry.burst;
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const entry of all) {
      await sleep(5); // lets the threads of the peer before stop spinning
      entry.ms.push(...(await entry.peer.ask(`time ${entry.variant} ${entry.burst}`)).ms);
    }
  }
  const { name: title, kind, spec, flops, samples, sweep } = task;
  const timings = right.map((entry) => ({ ...summary(entry), ...rates(task, entry, peaks) }));
  return { suite, task: title, kind, spec, flops, samples, sweep, timings, wrong };
}

/**
 * Those that know the peaks of all engines that the entries run on.
 * @param {Entry[]} entries
 * @param {Peer[]} peers
 */
function peaksFor(entries, peers) {
  const names = new Set(entries.map(peakOf));
  return peers.filter((peer) => peer.peak && names.has(peer.name));
}

/** The peer whose peak an entry is measured by. */
const peakOf = (/** @type {Entry} */ { peer }) => (peer.peak ? peer.name : peer.description.peak);

/**
 * What an entry is measured by: its work, the bytes it moves, the peak of its engine.
 * @param {Task} task
 * @param {Entry} entry
 * @param {Entry[]} peaks
 */
function rates({ flops, work, bytes }, entry, peaks) {
  const best = peaks.find(({ peer }) => peer.name === peakOf(entry));
  return {
    work: work?.[entry.variant] ?? flops,
    bytes: typeof bytes === 'object' ? (bytes[entry.variant] ?? bytes.dense) : bytes,
    peak: best?.peer.peak && best.peer.peak.flops / Math.min(...best.ms),
  };
}

/**
 * The variants whose result is the first one's; what is wrong with the others is added to `wrong`.
 * @param {Task} task
 * @param {Entry[]} entries
 * @param {string} file
 * @param {string[]} wrong
 */
async function check(task, entries, file, wrong) {
  const right = [];
  let expected;
  for (const entry of entries) {
    let complaint;
    try {
      await entry.peer.ask(`check ${entry.variant} ${file}`);
      const bytes = readFileSync(file);
      const actual = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      expected ??= actual;
      complaint = (task.compare ?? close)(actual, expected, entry.variant);
    } catch (error) {
      complaint = /** @type {Error} */ (error).message;
    }
    if (complaint) wrong.push(`${entry.peer.name}, ${entry.variant}: ${complaint}`);
    else right.push(entry);
  }
  return right;
}

/**
 * Same length, and no value off by more than 1e-4 of the largest.
 * @param {Float32Array} actual
 * @param {Float32Array} expected
 */
export function close(actual, expected) {
  if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
  let largest = 0;
  for (const value of expected) largest = Math.max(largest, Math.abs(value));
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) <= 1e-4 * largest)) {
      return `${actual[i]} instead of ${expected[i]} at ${i}`;
    }
  }
  return null;
}

/**
 * Runs until V8 has tiered up and caches are warm, and chooses how many runs fill a burst.
 * @param {Entry} entry
 */
async function warmUp(entry) {
  let last = Infinity;
  entry.burst = 1;
  const end = performance.now() + WARM_UP_MS;
  do {
    const { ms } = await entry.peer.ask(`time ${entry.variant} ${entry.burst}`);
    last = Math.min(...ms);
    entry.burst = Math.max(1, Math.min(MAXIMUM_BURST, Math.round(BURST_MS / last)));
  } while (performance.now() < end);
}

/**
 * @param {Entry} entry
 * @returns {Timing}
 */
function summary(entry) {
  const sorted = entry.ms.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1];
  return { peer: entry.peer.name, variant: entry.variant, minimum: sorted[0], median, runs: sorted.length };
}
