// The networks that the tables of the docs speak of: the demo's small CNN with a flattened head, trained as the demo does.

/**
 * @typedef {typeof import('../../dist/index.js')} Package
 * @typedef {import('../../dist/index.js').ModelSpec} ModelSpec
 * @typedef {import('../../dist/index.js').Model} Model
 * @typedef {import('../../dist/index.js').Dataset} Dataset
 * @typedef {ReturnType<Package['nn']['relu'] | Package['nn']['kwta']>} Activation
 */

/**
 * @param {Package} kwta
 * @param {import('../../dist/index.js').Runtime} runtime
 * @param {Dataset} data images to train on
 * @param {object} how
 * @param {Activation} how.activation
 * @param {number} [how.epsilon] trains against 4 steps of PGD in this L-inf ball; without it naturally
 * @param {number} how.epochs
 * @param {number} [how.seed]
 * @param {(spec: ModelSpec) => ModelSpec} [how.change] what to make of the description
 * @returns {Promise<Model>}
 */
export async function trainNetwork(kwta, runtime, data, how) {
  const { attacks, models, optim, regimes, schedules } = kwta;
  const { activation, epsilon, epochs, seed = 0, change = (spec) => spec } = how;
  const spec = models.smallCnn({
    ...{ activation, classes: data.classes, input: data.shape, channels: [16, 32, 64], head: 'flatten' },
  });
  const model = await runtime.model(change(spec), { seed });
  await model.fit(data, {
    ...{ batchSize: 64, optimizer: optim.adam({ lr: 0.002 }), lr: schedules.cosine(), epochs, seed },
    regime: epsilon === undefined ? regimes.natural() : regimes.adversarial(attacks.pgd({ steps: 4 }), { epsilon }),
  });
  return model;
}
