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
 * @param {number} [how.epsilon] trains against the demo's PGD in this L-inf ball; without it naturally
 * @param {number} how.epochs
 * @param {number} [how.seed]
 * @param {(spec: ModelSpec) => ModelSpec} [how.change] what to make of the description
 * @returns {Promise<Model>}
 */
export async function trainNetwork(kwta, runtime, data, how) {
  const { attacks, models, regimes } = kwta;
  // Imported here: it is built by the command that calls this.
  const { FIT, NETWORK, TRAINING_ATTACK } = await import('../../dist/cli/demo/defaults.js');
  const { activation, epsilon, epochs, seed = 0, change = (spec) => spec } = how;
  const spec = models.smallCnn({ ...NETWORK, activation, classes: data.classes, input: data.shape });
  const model = await runtime.model(change(spec), { seed });
  const attack = attacks.pgd({ steps: TRAINING_ATTACK.steps });
  const regime = epsilon === undefined ? regimes.natural() : regimes.adversarial(attack, { epsilon });
  await model.fit(data, { ...FIT, epochs, seed, regime });
  return model;
}
