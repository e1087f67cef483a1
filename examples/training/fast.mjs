// node examples/training/fast.mjs [--data DIR]: one step of FGSM from a random start (Wong et al. 2020); it warns when the network learns to fool that step.
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
  regime: regimes.fast({ epsilon }),
});
await evaluate(model);
