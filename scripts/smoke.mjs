// Trains ten steps with an installed package and prints where and how: node smoke.mjs, in a folder where kwta is installed.
import { createRuntime, datasets, models, nn, optim } from 'kwta';

const runtime = await createRuntime({ deterministic: true });
const activation = nn.kwta({ gamma: 0.2 });
const model = await runtime.model(models.smallCnn({ activation, channels: [8, 8, 8] }), { seed: 1 });
const data = datasets.synthetic({ count: 160, seed: 1 });
let loss = Number.NaN;
for await (const event of model.fit(data, { epochs: 1, batchSize: 16, optimizer: optim.sgd({ lr: 0.01 }) })) {
  if (event.type === 'batch') loss = event.loss;
}
await runtime.dispose();
console.log({ node: process.version, platform: process.platform, ...runtime.info, loss });
if (!(loss > 0)) process.exitCode = 1;
