// node examples/training/natural.mjs [--data DIR]: training on the images as they are.
import { models, nn, optim, schedules } from 'kwta';
import { epochs, evaluate, fitted, runtime, seed, train } from './common.mjs';

const model = await runtime.model(
  models.smallCnn({ activation: nn.relu(), classes: train.classes, input: train.shape, head: 'flatten' }),
  { seed },
);
await fitted(model, {
  epochs,
  optimizer: optim.adam({ lr: 0.002 }),
  lr: schedules.cosine(),
});
await evaluate(model);
