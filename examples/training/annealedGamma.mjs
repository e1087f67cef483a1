// node examples/training/annealedGamma.mjs [--data DIR]: a small gamma reached from a large one, which converges better.
import { attacks, models, nn, optim, regimes, schedules } from 'kwta';
import { epochs, epsilon, evaluate, fitted, runtime, seed, train } from './common.mjs';

const model = await runtime.model(
  models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), classes: train.classes, input: train.shape, head: 'flatten' }),
  { seed },
);
await fitted(model, {
  epochs,
  optimizer: optim.adam({ lr: 0.002 }),
  lr: schedules.cosine(),
  gamma: schedules.linear({ from: 0.2, to: 0.05 }),
  estimateStatistics: true,
  regime: regimes.adversarial(attacks.pgd({ steps: 4 }), { epsilon }),
});
await evaluate(model);
