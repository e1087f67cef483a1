/** What a page cannot do with files is told at the call. */
import { ConfigError, createRuntime, nn, optim } from 'kwta';
import { expect, it } from 'vitest';
import { stripeNet, stripes } from '../contract/toys.js';

it('a checkpoint is refused before any training', async () => {
  await using runtime = await createRuntime({ threads: 1 });
  const model = await runtime.model(stripeNet(nn.relu()));
  const options = { epochs: 1, optimizer: optim.adam(), checkpoint: { path: 'model.safetensors' } };
  expect(() => model.fit(stripes(6, 1), options)).toThrow(ConfigError);
  expect(() => model.fit(stripes(6, 1), options)).toThrow('a browser cannot write files');
});
