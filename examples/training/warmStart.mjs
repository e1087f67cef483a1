// node examples/training/warmStart.mjs [--data DIR]: a network trained with ReLU goes on with k-WTA in its place.
import { attacks, models, nn, optim, regimes, schedules } from 'kwta';
import { epochs, epsilon, evaluate, fitted, runtime, seed, train } from './common.mjs';

const relu = models.smallCnn({ activation: nn.relu(), classes: train.classes, input: train.shape, head: 'flatten' });
const first = await runtime.model(relu, { seed });
await fitted(first, { epochs, optimizer: optim.adam({ lr: 0.002 }), lr: schedules.cosine() });

const { spec, replaced } = nn.replaceActivation(relu, 'relu', nn.kwta({ gamma: 0.1 }));
console.log(`k-WTA in place of ReLU in ${replaced} layers`);
const model = await runtime.model(spec, { seed });
await model.loadStateDict(await first.stateDict());
await fitted(model, {
  epochs,
  optimizer: optim.adam({ lr: 0.001 }),
  lr: schedules.cosine(),
  regime: regimes.adversarial(attacks.pgd({ steps: 4 }), { epsilon }),
});
await evaluate(model);
