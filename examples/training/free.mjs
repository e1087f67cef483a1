// node examples/training/free.mjs [--data DIR]: each batch trained on four times, with one pass for both gradients (Shafahi et al. 2019).
import { models, nn, optim, regimes, schedules } from 'kwta';
import { epochs, epsilon, evaluate, fitted, runtime, seed, train } from './common.mjs';

const model = await runtime.model(
  models.smallCnn({ activation: nn.kwta({ gamma: 0.1 }), classes: train.classes, input: train.shape, head: 'flatten' }),
  { seed },
);
await fitted(model, {
  epochs,
  optimizer: optim.adam({ lr: 0.002 }),
  lr: schedules.cosine(),
  regime: regimes.free({ replays: 4, epsilon }),
});
await evaluate(model);
