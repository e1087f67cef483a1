// A sweep on many machines, simulated: the package's own board, a journal in memory, and a clock that jumps from event to event.
import { Random } from '../../dist/base/random.js';
import { Board } from '../../dist/sweep/board.js';
import { isOver, states } from '../../dist/sweep/replay.js';

/** @typedef {import('../../dist/sweep/board.js').Job} Job */

/**
 * Times in seconds.
 * @typedef {object} Scene
 * @property {number} jobs
 * @property {number} workers
 * @property {number} median of the jobs' lengths, which are lognormal
 * @property {number} spread standard deviation of their logarithms
 * @property {number} checkpoint between two checkpoints
 * @property {number} life mean time between two deaths of a worker
 * @property {number} restart until one that died is there again
 * @property {number} slow share of workers that take four times as long
 * @property {number} stalled share of jobs over which the worker is silent for five minutes
 * @property {number} failing share of jobs that cannot be done
 * @property {number} seed
 */

/** @type {Scene} */
export const usualScene = {
  ...{ jobs: 10_000, workers: 64, median: 600, spread: 1, checkpoint: 120, life: 12 * 3600, restart: 120 },
  ...{ slow: 0.1, stalled: 0.01, failing: 0.005, seed: 1 },
};

/** Seconds without a sign of life after which a job is given on, between two looks of who waits, and of a silence. */
const patience = 30;
const lookEvery = 30;
const silence = 300;

/** Lines in memory, which many read. */
class Lines {
  /** @type {unknown[]} */
  all = [];
  bytes = 0;
  appends = 0;

  /** @returns {import('../../dist/sweep/log.js').Log} */
  reader() {
    let at = 0;
    return {
      read: () => {
        const lines = this.all.slice(at);
        at = this.all.length;
        return lines;
      },
      append: (lines) => {
        this.appends++;
        for (const line of lines) {
          const text = JSON.stringify(line);
          this.bytes += text.length + 1;
          this.all.push(JSON.parse(text));
        }
      },
      exclusive: async (work) => work(),
    };
  }
}

/** What is to happen, the next first: a binary heap. */
class Agenda {
  /** @type {{ time: number, act: () => Promise<void> }[]} */
  #heap = [];

  /** @param {number} time @param {() => Promise<void>} act */
  at(time, act) {
    const heap = this.#heap;
    heap.push({ time, act });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (heap[parent].time <= heap[i].time) break;
      [heap[parent], heap[i]] = [heap[i], heap[parent]];
      i = parent;
    }
  }

  next() {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2];
        let least = i;
        if (left < heap.length && heap[left].time < heap[least].time) least = left;
        if (right < heap.length && heap[right].time < heap[least].time) least = right;
        if (least === i) break;
        [heap[least], heap[i]] = [heap[i], heap[least]];
        i = least;
      }
    }
    return first;
  }
}

/** @param {Scene} scene */
export async function simulate(scene) {
  const lines = new Lines();
  const agenda = new Agenda();
  const random = new Random(scene.seed, 0);
  const exponential = (/** @type {number} */ mean) => -mean * Math.log(1 - random.uniform());
  const lengths = Array.from({ length: scene.jobs }, () => scene.median * Math.exp(scene.spread * random.normal()));
  const hopeless = lengths.map(() => random.uniform() < scene.failing);
  /** Seconds of work that the last checkpoint of each job holds. */
  const saved = lengths.map(() => 0);
  /** @type {Map<string, number | undefined>} since when each worker is silent */
  const silent = new Map();
  let time = 0;
  const pulse = {
    sign: (/** @type {string} */ worker) => String(Math.floor((silent.get(worker) ?? time) / 2)),
    isGone: () => false,
  };
  const counts = { deaths: 0, takenOver: 0, lost: 0, redone: 0, claims: 0 };
  const parameter = {
    distribution: JSON.stringify({
      name: 'FloatDistribution',
      attributes: { low: 0, high: 1, step: null, log: false },
    }),
    value: 0.5,
  };
  const trials = lengths.map((_, group) => ({
    options: { 'train.optimizer.lr': 0.5 },
    seed: 0,
    group,
    parameters: { 'train.optimizer.lr': parameter },
  }));
  const rungs = [{ epochs: 0, survivors: scene.jobs }];
  const boardOf = async (/** @type {string} */ worker) => {
    const options = { name: 'simulated', sweep: 'simulated', log: lines.reader(), pulse, worker, rungs };
    const board = new Board({ ...options, now: () => 1000 * time, patience: 1000 * patience });
    await board.open(trials);
    return board;
  };
  let ended = 0;
  let number = 0;

  const begin = async (/** @type {number} */ speed) => {
    const worker = `w${number++}`;
    silent.set(worker, undefined);
    const board = await boardOf(worker);
    const death = time + exponential(scene.life);
    /** @returns {Promise<void>} */
    const look = async () => {
      if (time >= death) return die();
      counts.claims++;
      const job = await board.claim();
      if (job === 'done') return;
      if (job === 'wait') return agenda.at(time + lookEvery, look);
      await start(job);
    };
    const die = async () => {
      counts.deaths++;
      silent.set(worker, time);
      agenda.at(time + scene.restart, () => begin(speed));
    };
    /** @param {Job} job */
    const start = async (job) => {
      const i = job.trial.number;
      if (job.trial.starts > 1) counts.takenOver++;
      const from = saved[i];
      const begun = time;
      const stall = random.uniform() < scene.stalled ? silence : 0;
      const end = begun + (lengths[i] - from) / speed + stall;
      if (death < end) {
        agenda.at(death, async () => {
          const done = from + Math.max(death - begun - stall, 0) * speed;
          const kept = Math.max(saved[i], Math.floor(done / scene.checkpoint) * scene.checkpoint);
          counts.redone += (done - Math.min(kept, done)) / speed;
          saved[i] = kept;
          await die();
        });
        return;
      }
      if (stall > 0) {
        silent.set(worker, begun);
        return agenda.at(begun + stall, async () => {
          silent.set(worker, undefined);
          if (board.owns(job)) return agenda.at(end, () => finish(job, begun));
          // It sees at once that another has the job.
          counts.lost += stall;
          await look();
        });
      }
      agenda.at(end, () => finish(job, begun));
    };
    /** @param {Job} job @param {number} begun */
    const finish = async (job, begun) => {
      if (!board.owns(job)) counts.lost += time - begun;
      else if (hopeless[job.trial.number]) await board.fail(job, 'cannot be done');
      else await board.report(job, 0.5, { figures: { test: { accuracy: 0.5 } }, hash: '0123456789abcdef' });
      ended = Math.max(ended, time);
      await look();
    };
    await look();
  };

  const started = performance.now();
  const speeds = Array.from({ length: scene.workers }, (_, w) => (w < scene.slow * scene.workers ? 1 / 4 : 1));
  for (const speed of speeds) await begin(speed);
  for (let next = agenda.next(); next !== undefined; next = agenda.next()) {
    time = next.time;
    await next.act();
  }
  const seconds = (performance.now() - started) / 1000;
  const board = await boardOf('last');
  const work = lengths.reduce((sum, length) => sum + length, 0);
  const capacity = speeds.reduce((sum, speed) => sum + speed, 0);
  return {
    ...counts,
    over: board.trials.filter(isOver).length,
    complete: board.trials.filter(({ state }) => state === states.complete).length,
    failed: board.trials.filter(({ state }) => state === states.failed).length,
    hopeless: hopeless.filter(Boolean).length,
    /** Until the last job ended, and if nobody died, waited or was silent. */
    makespan: ended,
    ideal: work / capacity,
    bytes: lines.bytes,
    lines: lines.all.length,
    appends: lines.appends,
    seconds,
  };
}
