// node examples/training/adversarial.mjs [--data DIR]: training on PGD's adversarial images (Madry et al. 2018).
import { attacks, models, nn, optim, regimes, schedules } from 'kwta';
import { epochs, epsilon, evaluate, fitted, runtime, seed, train } from './common.mjs';

const model = await runtime.model(
  models.smallCnn({ activation: nn.kwta({ gamma: 0.1 }), classes: train.classes, input: train.shape, head: 'flatten' }),
  { seed },
);
await fitted(model, {
  epochs,
  optimizer: optim.adam({ lr: 0.002 }),
  lr: schedules.cosine(),
  regime: regimes.adversarial(attacks.pgd({ steps: 4 }), { epsilon }),
});
await evaluate(model);
