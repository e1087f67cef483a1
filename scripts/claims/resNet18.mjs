// node scripts/claims/resNet18.mjs --data DIR [--width 16] [--gamma 0.1] [--events 250,500,1000,2000] [--threads 1] [--seed 0]
// How long `analysis.jumps` takes along a segment between two test images of CIFAR-10, on ResNet-18 with its first values: the
// seconds by the number of events, for k-WTA and ReLU. Processor seconds stand beside, for machines that do other things, too.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    width: { type: 'string', default: '16' },
    gamma: { type: 'string', default: '0.1' },
    events: { type: 'string', default: '250,500,1000,2000' },
    threads: { type: 'string', default: '1' },
    seed: { type: 'string', default: '0' },
  },
});

await main(async () => {
  const { data: dir } = options;
  if (!dir) throw new Failure('expected --data DIR');
  await build();
  const { analysis, createRuntime, models, nn, tensor } = await import('../../dist/index.js');
  const { readDataFolder } = await import('../../dist/cli/dataFolder.js');
  const [width, gamma, threads, seed] = [options.width, options.gamma, options.threads, options.seed].map(Number);
  const { shape, data } = (await readDataFolder({ data: dir, split: 'test' })).take(2).tensor();
  const [from, to] = [0, 1].map((i) =>
    tensor(data.slice((i * data.length) / 2, ((i + 1) * data.length) / 2), shape.slice(1)),
  );
  const runtime = await createRuntime({ threads, deterministic: true });
  note(`${cpus()[0].model}, kernels ${runtime.info.variant}, ${threads} threads`);
  console.log('| Network | Events | Evaluations | Seconds | Processor seconds | Milliseconds an event | Way |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const activation of [nn.kwta({ gamma }), nn.relu()]) {
    const name = activation.type === 'relu' ? 'ReLU' : `k-WTA ${gamma}`;
    const model = await runtime.model(models.resNet18({ activation, width }), { seed });
    // Compiles what is run often.
    await analysis.jumps(model, { from, to, maxEvents: 50 });
    for (const maxEvents of options.events.split(',').map(Number)) {
      const before = process.cpuUsage();
      const { events, evaluations, seconds, reached } = await analysis.jumps(model, { from, to, maxEvents });
      const { user, system } = process.cpuUsage(before);
      const busy = (user + system) / 1e6;
      const cells = [name, events.length, evaluations, seconds.toFixed(1), busy.toFixed(1)];
      console.log(
        `| ${[...cells, ((1000 * busy) / events.length).toFixed(1), `${(100 * reached).toFixed(1)} %`].join(' | ')} |`,
      );
    }
    await model.dispose();
  }
  await runtime.dispose();
});
