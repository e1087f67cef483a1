// Trains a small network on drawn figures in kwta's worker, shows the loss as it falls, then attacks it.
import { attacks, createRuntime, datasets, models, nn, optim, schedules } from 'kwta';
import { LossChart } from './chart.js';
import { drawFigures } from './figures.js';

const EPOCHS = 4;
const EPSILON = 0.1;

const element = (id) => document.getElementById(id);
const percent = (fraction) => `${(100 * fraction).toFixed(1)} %`;
const say = (text) => {
  element('status').textContent = text;
};

const train = datasets.synthetic({ count: 4000, seed: 1 });
const test = datasets.synthetic({ count: 1000, seed: 2 });
const chart = new LossChart(element('chart'));

/** Ends the training in hand when another one starts. */
let controller = new AbortController();
let running = Promise.resolve();

element('controls').addEventListener('submit', (event) => {
  event.preventDefault();
  start();
});

const starting = createRuntime();
start();

function start() {
  controller.abort();
  controller = new AbortController();
  const { signal } = controller;
  running = running.then(() => run(signal)).catch((error) => fail(error, signal));
}

function fail(error, signal) {
  if (signal.aborted) return;
  document.body.dataset.state = 'failed';
  say(error.message);
  console.error(error);
}

async function run(signal) {
  signal.throwIfAborted();
  document.body.dataset.state = 'training';
  const runtime = await starting;
  element('variant').textContent = runtime.info.variant;
  element('threads').textContent = runtime.info.threads;

  const choice = element('activation').value;
  const activation = choice === 'relu' ? nn.relu() : nn.kwta({ gamma: Number(choice) });
  const model = await runtime.model(models.smallCnn({ activation }), { seed: 0 });
  try {
    await fit(model, signal);
    element('test-accuracy').textContent = percent(await model.accuracy(test, { signal }));
    say('Attacking');
    await attack(model, signal);
    say('Done');
    document.body.dataset.state = 'done';
  } finally {
    await model.dispose();
  }
}

async function fit(model, signal) {
  chart.clear(EPOCHS);
  element('figures').replaceChildren();
  element('test-accuracy').textContent = '–';
  say('Training');
  const optimizer = optim.adam({ lr: 3e-3 });
  const started = performance.now();
  for await (const event of model.fit(train, { epochs: EPOCHS, optimizer, lr: schedules.cosine(), signal })) {
    if (event.type === 'batch') {
      const { step, steps, loss } = event;
      chart.add((EPOCHS * step) / steps, loss);
      element('progress').value = step / steps;
      element('loss').textContent = chart.smoothed.toFixed(3);
      const seconds = (performance.now() - started) / 1000;
      element('rate').textContent = ((train.length * EPOCHS * step) / steps / seconds).toFixed(0);
    } else {
      element('train-accuracy').textContent = percent(event.accuracy);
    }
  }
}

/** Shows what 20 steps of projected gradient ascent make of one figure of each class. */
async function attack(model, signal) {
  const samples = test.take(test.classes);
  const x = samples.tensor();
  const labels = samples.labels;
  const clean = await model.predict(x);
  const pgd = attacks.pgd({ steps: 20 });
  const result = await model.attack(pgd, { x, labels, epsilons: [EPSILON], signal });
  const name = (label) => test.classNames[label];
  drawFigures(
    element('figures'),
    Array.from(labels, (label, i) => ({
      label: name(label),
      before: { image: image(x, i), seen: name(clean[i]), right: clean[i] === label },
      after: {
        image: image(result.clipped[0], i),
        seen: name(result.predictions[0][i]),
        right: !result.success[0][i],
      },
    })),
  );
}

/** One grey image of a tensor [n, 1, H, W]. */
function image({ shape: [, , height, width], data }, i) {
  return { width, height, pixels: data.subarray(i * height * width, (i + 1) * height * width) };
}
