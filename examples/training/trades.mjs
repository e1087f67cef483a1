// node examples/training/trades.mjs [--data DIR]: accuracy traded for robustness by a weight (Zhang et al. 2019).
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
  regime: regimes.trades({ beta: 6, steps: 10, epsilon }),
});
await evaluate(model);
