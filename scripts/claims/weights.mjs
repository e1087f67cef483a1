// Small steps through the weights of a model: along how many the winners of a layer change, and how far an optimizer goes.

/**
 * @typedef {import('../../dist/index.js').Model} Model
 * @typedef {import('../../dist/index.js').Runtime} Runtime
 * @typedef {import('../../dist/index.js').Dataset} Dataset
 * @typedef {import('../../dist/index.js').Tensor} Tensor
 * @typedef {import('../../dist/index.js').FitOptions} FitOptions
 */

/** Running statistics are no weights. */
const isWeight = (/** @type {string} */ name) => !name.includes('.running_');

/**
 * For each length the share of pairs of a sample and a random direction whose winners change in any layer, and the median
 * over these of the largest change of a logit (0 when there is none). Of every parameter the step is as long, relative to
 * its own length.
 *
 * @param {Model} model
 * @param {Tensor} x
 * @param {{ steps: number[], directions: number, seed: number }} how
 */
export async function changesAlongWeights(model, x, { steps, directions, seed }) {
  const before = await model.stateDict();
  const patterns = await patternsOf(model, x);
  const logits = await model.logits(x);
  const normal = normals(seed);
  const counts = steps.map(() => 0);
  /** @type {number[][]} */
  const changes = steps.map(() => []);
  for (let d = 0; d < directions; d++) {
    const direction = Object.fromEntries(
      Object.entries(before)
        .filter(([name]) => isWeight(name))
        .map(([name, { data }]) => {
          const values = Float64Array.from(data, normal);
          const scale = norm(data) / norm(values);
          return [name, values.map((value) => value * scale)];
        }),
    );
    for (const [i, step] of steps.entries()) {
      const moved = Object.entries(before).map(([name, { shape, data }]) => [
        name,
        { shape, data: isWeight(name) ? data.map((value, j) => value + step * direction[name][j]) : data },
      ]);
      await model.loadStateDict(Object.fromEntries(moved));
      const now = await patternsOf(model, x);
      const answers = await model.logits(x);
      for (const [s, pattern] of now.entries()) {
        if (pattern === patterns[s]) continue;
        counts[i]++;
        const at = s * model.classes;
        const largest = answers.data
          .subarray(at, at + model.classes)
          .reduce((most, value, j) => Math.max(most, Math.abs(value - logits.data[at + j])), 0);
        changes[i].push(largest);
      }
    }
  }
  await model.loadStateDict(before);
  const pairs = directions * patterns.length;
  return steps.map((_, i) => ({ share: counts[i] / pairs, change: median(changes[i]) }));
}

/**
 * How far one step of an optimizer goes on a copy of the model, relative to the weights.
 *
 * @param {Runtime} runtime
 * @param {Model} model
 * @param {Dataset} batch
 * @param {NonNullable<FitOptions['optimizer']>} optimizer
 * @param {number} seed
 */
export async function relativeStep(runtime, model, batch, optimizer, seed) {
  const before = await model.stateDict();
  const copy = await runtime.model(model.spec);
  await copy.loadStateDict(before);
  await copy.fit(batch, { epochs: 1, batchSize: batch.length, optimizer, seed });
  const after = await copy.stateDict();
  await copy.dispose();
  let moved = 0;
  let length = 0;
  for (const [name, { data }] of Object.entries(before).filter(([name]) => isWeight(name))) {
    for (const [i, value] of data.entries()) moved += (after[name].data[i] - value) ** 2;
    length += norm(data) ** 2;
  }
  return Math.sqrt(moved / length);
}

/** The winners of all layers as one text for each sample. */
async function patternsOf(/** @type {Model} */ model, /** @type {Tensor} */ x) {
  const layers = await model.activationPattern(x);
  return Array.from({ length: x.shape[0] }, (_, s) => layers.map(({ indices }) => indices[s].join()).join('/'));
}

function norm(/** @type {ArrayLike<number>} */ values) {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] ** 2;
  return Math.sqrt(squares);
}

function median(/** @type {number[]} */ values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.floor(sorted.length / 2)];
}

/** Normal values, the same for the same seed. */
function normals(/** @type {number} */ seed) {
  let state = (Math.imul(seed + 1, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
