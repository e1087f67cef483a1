// node scripts/claims/dense.mjs --model FILE --data DIR [--points 20000] [--threads 1]
// `analysis.jumps` beside dense sampling, along the segment between the first two test images: between two neighbouring
// points the winners of the network change if, and only if, there is an event. Where they do not agree, the event is nearer to
// one of the points than float32 tells, or an error.
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main } from '../lib/steps.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string' },
    points: { type: 'string', default: '20000' },
    threads: { type: 'string', default: '1' },
  },
});

/** Of the segment: as float32 tells places apart on a network. */
const resolution = 2e-6;
const batch = 64;

await main(async () => {
  const { model: file, data: dir } = options;
  if (!file || !dir) throw new Failure('expected --model FILE and --data DIR');
  await build();
  const { analysis, createRuntime, tensor } = await import('../../dist/index.js');
  const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
  const { shape, data } = (await readDataFolder({ data: dir, split: 'test' })).take(2).tensor();
  const size = data.length / 2;
  const [from, to] = [0, size].map((start) => tensor(data.slice(start, start + size), shape.slice(1)));
  const steps = Number(options.points);
  const runtime = await createRuntime({ threads: Number(options.threads), deterministic: true });
  const model = await runtime.load(file);
  const { events, evaluations, seconds } = await analysis.jumps(model, { from, to, maxEvents: 1_000_000 });
  console.log(`${events.length} events by ${evaluations} evaluations in ${seconds.toFixed(1)} s`);
  if (events.some(({ kind }) => kind !== 'kwta')) throw new Failure('expected a network that chooses by k-WTA alone');
  const found = { changed: 0, missed: 0, invented: 0, near: 0 };
  let before = '';
  let next = 0;
  for (let first = 0; first <= steps; first += batch) {
    const count = Math.min(batch, steps + 1 - first);
    const points = new Float32Array(count * size);
    for (let s = 0; s < count; s++) {
      const t = (first + s) / steps;
      for (let i = 0; i < size; i++) points[s * size + i] = from.data[i] + t * (to.data[i] - from.data[i]);
    }
    const layers = await model.activationPattern(tensor(points, [count, ...from.shape]));
    for (let s = 0; s < count; s++) {
      const winners = layers.map(({ indices }) => indices[s].join()).join('/');
      const ends = [first + s - 1, first + s].map((step) => step / steps);
      const here = next;
      while (next < events.length && events[next].t <= ends[1]) next++;
      const neighbours = events.slice(Math.max(here - 1, 0), next + 1);
      const distance = Math.min(...neighbours.flatMap(({ t }) => ends.map((end) => Math.abs(t - end))));
      if (first + s > 0) {
        const changes = winners !== before;
        found.changed += Number(changes);
        if (changes !== next > here) {
          const what = distance < resolution ? 'near' : changes ? 'missed' : 'invented';
          found[what]++;
        }
      }
      before = winners;
    }
  }
  await runtime.dispose();
  console.log(
    `Of ${steps} intervals the winners change in ${found.changed}; events missed: ${found.missed}, invented: ${found.invented}; ` +
      `undecided, because an event is within ${resolution} of the way of one of their ends: ${found.near}`,
  );
  if (found.missed + found.invented > 0) process.exitCode = 1;
});
