/** `kwta train` as a user runs it: the folder that it leaves, how it stops and goes on, and what it refuses. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { augment, createRuntime, datasets, models, nn, optim, schedules } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { zooDescriptors } from '../../dist/nn/models/zoo.js';
import { regimeDescriptors } from '../../dist/train/regimes/index.js';
import { type Ended, kwtaIn, writeIdx } from './command.js';
import { conforms } from './jsonSchema.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-train-'));
  writeIdx(at('data'), datasets.synthetic({ count: 600, seed: 1 }), 'train');
  writeIdx(at('data'), datasets.synthetic({ count: 100, seed: 2 }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const text = (name: string) => readFileSync(at(name), 'utf8');
const read = (name: string) => JSON.parse(text(name));
const train = (args: string, watch?: Parameters<typeof kwtaIn>[2]): Promise<Ended> =>
  kwtaIn(folder, ['train', ...args.split(' ').filter((word) => word !== '')], watch);

interface Line {
  type: string;
  epoch: number;
  step: number;
  steps: number;
  [key: string]: unknown;
}

const lines = (content: string): Line[] =>
  content
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
const events = (run: string) => lines(text(`${run}/events.jsonl`));
const trained = (run: string) => readFileSync(at(`${run}/model.safetensors`));
/** Values by name, which a file holds behind what it says of itself. */
async function weightsOf(file: string) {
  await using runtime = await createRuntime({ threads: 1, deterministic: true });
  const model = await runtime.load(at(file));
  return await model.stateDict();
}

const exact = '--threads 1 --deterministic';
const base = `--data data --model smallcnn --optimizer adam --lr 3e-3 --batch-size 50 ${exact}`;
const small = `${base} --activation kwta:0.2 --set model.channels=[4,4,8]`;

describe('a run', () => {
  const options =
    `${small} --epochs 3 --validation 0.1 --schedule cosine --gamma anneal:0.4:0.2:0.1 --augment padCrop:2,flip ` +
    '--set model.activation.boost={"strength":1.5} --seed 5 --run run --json';
  let ended: Ended;

  beforeAll(async () => {
    ended = await train(options);
  }, 120_000);

  it('leaves config, events, checkpoints, page and model', () => {
    expect(ended.code, ended.stderr).toBe(0);
    expect(readdirSync(at('run')).sort()).toEqual([
      'checkpoints',
      'config.json',
      'events.jsonl',
      'index.html',
      'model.safetensors',
    ]);
    expect(readdirSync(at('run/checkpoints')).sort()).toEqual([
      'checkpoint-best.safetensors',
      'checkpoint.safetensors',
    ]);
  });

  it('trains what model.fit trains, to the bit', async () => {
    const images = at('data/train-images-idx3-ubyte.gz');
    const data = await datasets.idx({ images, labels: at('data/train-labels-idx1-ubyte'), name: 'data' });
    const mixed = data.shuffle(5);
    await using runtime = await createRuntime({ threads: 1, deterministic: true });
    const activation = nn.kwta({ gamma: 0.2, boost: { strength: 1.5 } });
    const model = await runtime.model(models.smallCnn({ activation, channels: [4, 4, 8] }), { seed: 5 });
    await model.fit(mixed.slice(60), {
      epochs: 3,
      batchSize: 50,
      optimizer: optim.adam({ lr: 3e-3 }),
      lr: schedules.cosine(),
      gamma: schedules.anneal({ from: 0.4, to: 0.2, by: 0.1 }),
      augment: [augment.padCrop({ padding: 2 }), augment.flip()],
      validation: mixed.slice(0, 60),
      seed: 5,
    });
    expect(await weightsOf('run/model.safetensors')).toEqual(await model.stateDict());
  });

  it('tells each event once, in the file as on standard output', () => {
    const told = events('run');
    expect(lines(ended.stdout)).toEqual(told);
    const steps = Array.from({ length: 33 }, (_, i) => i + 1);
    expect(told.filter(({ type }) => type === 'batch').map(({ step }) => step)).toEqual(steps);
    expect(told.filter(({ type }) => type === 'epoch').map(({ epoch, gamma }) => [epoch, gamma])).toEqual([
      [0, 0.4],
      [1, 0.3],
      [2, 0.2],
    ]);
    expect(told.filter(({ type }) => type === 'dutyCycles').map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    expect(told[0]).toMatchObject({ type: 'start', images: { training: 540, validation: 60, test: 100 } });
    expect(told.at(-1)).toMatchObject({ type: 'done', test: { total: 100 } });
  });

  it('keeps a config that the schema describes, and that makes the same run', async () => {
    const config = read('run/config.json');
    expect(
      conforms(JSON.parse(readFileSync(new URL('../../dist/schema/train.json', import.meta.url), 'utf8')), config),
    ).toBe(true);
    const again = await train('--config run/config.json --run again');
    expect(again.code, again.stderr).toBe(0);
    expect(await weightsOf('again/model.safetensors')).toEqual(await weightsOf('run/model.safetensors'));
    expect(again.stdout).toMatch(/^Test accuracy \d+\.\d % \(95 % interval \d+\.\d – \d+\.\d %, \d+\/100\)\.$/m);
    expect(again.stderr).toMatch(/^epoch 3\/3: loss \d\.\d{3}, accuracy .*, validation .*, \d+ images\/s, /m);
    expect(again.stderr).not.toContain('\u001b');
  });

  it('draws its curves on a page that needs nothing else', () => {
    const page = text('run/index.html');
    expect(page).not.toMatch(/(src|href)="(?!data:|#)|url\(|@import/);
    expect(page).toContain('Copyright (c) 2022 Leon Sorokin');
    const [, json] = page.match(/\(uPlot, (\{.*\})\);<\/script>/) ?? [];
    const { charts, live } = JSON.parse(json);
    expect(live).toBeUndefined();
    const byTitle = Object.fromEntries(charts.map((chart: { title: string }) => [chart.title, chart]));
    const told = events('run');
    const losses = told
      .filter(({ type }) => type === 'batch')
      .map(({ loss }) => Number((loss as number).toPrecision(6)));
    expect(byTitle.Loss.curves[0].values).toEqual(losses);
    const validation = byTitle.Accuracy.curves.find(({ name }: { name: string }) => name === 'validation');
    expect(validation.values.filter((value: number | null) => value !== null)).toEqual(
      told
        .filter(({ type }) => type === 'epoch')
        .map((event) => Number((event.validationAccuracy as number).toPrecision(6))),
    );
    expect(byTitle['Learning rate'].curves[0].values).toHaveLength(33);
    expect(byTitle.Gamma.curves[0].values).toEqual([0.4, 0.3, 0.2]);
    const rates = byTitle['Images a second'].curves.find(({ name }: { name: string }) => name === 'in whole epochs');
    expect(rates.values.filter((value: number | null) => value !== null)).toHaveLength(3);
    expect(Object.keys(byTitle).some((title) => title.startsWith('Entropy of duty cycles'))).toBe(true);
    // Of the first batch, 32 images.
    expect(page.match(/<img src="data:image\/png/g)).toHaveLength(32);
    expect(page).toContain('<span class="status">done</span>');
    expect(page).toContain('540 training, 60 validation, 100 test');
    expect(text('again/index.html')).not.toMatch(/NaN|undefined<|Infinity/);
  });

  it('says in the files how they were trained', async () => {
    const model = await kwtaIn(folder, ['info', 'run/model.safetensors', '--threads', '1']);
    expect(model.stdout).toMatch(/^optimizer +adam \(lr 0\.003, /m);
    expect(model.stdout).toMatch(/^augment +padCrop \(padding 2\), flip \(p 0\.5\)$/m);
    expect(model.stdout).toMatch(/^trained +epochs 3, loss /m);
    const checkpoint = await kwtaIn(folder, ['info', 'run/checkpoints/checkpoint.safetensors', '--threads', '1']);
    expect(checkpoint.stdout).toMatch(/^checkpoint +after step 33, in epoch 4; best validation accuracy /m);
    expect(checkpoint.stdout).toMatch(/^gamma +anneal \(from 0\.4, to 0\.2, by 0\.1, every 1\)$/m);
  });

  it('is not overwritten', async () => {
    const before = trained('run');
    const again = await train(options);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toBe(
      'kwta: --run: run holds a run; --resume goes on with it, and another folder begins anew\n',
    );
    const other = await train(`${small} --epochs 1 --run other --out run/model.safetensors`);
    expect(other.stderr).toBe('kwta: --out: cannot write run/model.safetensors: it is there already\n');
    expect(trained('run')).toEqual(before);
    expect(existsSync(at('other'))).toBe(false);
  });
});

describe('stopped and taken up again', () => {
  const long = `${small} --epochs 8 --validation 0.1 --augment flip --schedule oneCycle:2`;
  let whole: Awaited<ReturnType<typeof weightsOf>>;

  beforeAll(async () => {
    const ended = await train(`${long} --run whole`);
    expect(ended.code, ended.stderr).toBe(0);
    whole = await weightsOf('whole/model.safetensors');
  }, 120_000);

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s ends with a checkpoint and code %i, and comes to the same bits',
    async (signal, code) => {
      let sent = false;
      const stopped = await train(`${long} --run ${signal}`, (stderr, child) => {
        if (sent || !stderr.includes('epoch 2/8')) return;
        sent = true;
        child.kill(signal);
      });
      expect(stopped.code, stopped.stderr).toBe(code);
      expect(stopped.stdout).toBe('');
      const [, step] =
        stopped.stderr.match(/^interrupted after step (\d+); to go on: kwta train --run \w+ --resume$/m) ?? [];
      expect(Number(step)).toBeGreaterThanOrEqual(22);
      expect(text(`${signal}/index.html`)).toContain('<span class="status">interrupted</span>');
      expect(events(signal).at(-1)).toMatchObject({ type: 'interrupted', step: Number(step) });

      const resumed = await train(`--run ${signal} --resume`);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(await weightsOf(`${signal}/model.safetensors`)).toEqual(whole);
      const told = events(signal);
      const own = (kind: string, key: 'step' | 'epoch') =>
        told.filter(({ type }) => type === kind).map((event) => event[key]);
      expect(own('batch', 'step')).toEqual(Array.from({ length: 88 }, (_, i) => i + 1));
      expect(own('epoch', 'epoch')).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(told.map(({ type }) => type).filter((type) => type !== 'batch' && type !== 'epoch')).toEqual([
        'start',
        'interrupted',
        'resume',
        'done',
      ]);
      // The clock of the training goes on, too.
      const seconds = told.filter(({ type }) => type === 'batch').map((event) => event.seconds as number);
      expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
    },
    120_000,
  );

  it('by kill -9 loses what came after the last checkpoint, and comes to the same bits', async () => {
    let sent = false;
    const killed = await train(`${long} --run killed --checkpoint-steps 5 --keep 2`, (stderr, child) => {
      if (sent || !stderr.includes('epoch 3/8')) return;
      sent = true;
      child.kill('SIGKILL');
    });
    expect(killed.code).toBe(null);
    // As if it had been cut in the midst of a line.
    writeFileSync(at('killed/events.jsonl'), `${text('killed/events.jsonl')}{"type":"batch","ep`);
    // What it was told where it is now does not matter.
    cpSync(at('killed'), at('moved'), { recursive: true });
    const resumed = await train('--run moved --resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await weightsOf('moved/model.safetensors')).toEqual(whole);
    const steps = events('moved')
      .filter(({ type }) => type === 'batch')
      .map(({ step }) => step);
    expect(steps).toEqual(Array.from({ length: 88 }, (_, i) => i + 1));
  }, 120_000);

  it('begins when there is nothing to go on with, and goes on to more epochs', async () => {
    const options = `${small} --run more --resume`;
    expect((await train(`${options} --epochs 1`)).code).toBe(0);
    expect((await train(`${options} --epochs 2`)).code).toBe(0);
    expect((await train(`${small} --run two --epochs 2`)).code).toBe(0);
    expect(await weightsOf('more/model.safetensors')).toEqual(await weightsOf('two/model.safetensors'));
    expect(read('more/config.json').epochs).toBe(2);
  }, 120_000);

  it('refuses other options, naming each', async () => {
    const before = text('whole/events.jsonl');
    const ended = await train(
      '--run whole --resume --regime adversarial --attack pgd --epsilon 0.1 --lr 0.1 --threads 2',
    );
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(
      '--resume: whole/config.json: optimizer.lr: expected 0.003, as in the run so far, got 0.1; regime: expected {"type":"natural"}',
    );
    expect(ended.stderr).not.toContain('threads');
    expect(ended.stderr).toMatch(/^kwta: .+\n$/);
    const longer = await train('--run whole --resume --epochs 9');
    expect(longer.code).toBe(2);
    expect(longer.stderr).toContain('--resume: resumeFrom: expected epochs 8, as in the run so far, got 9');
    expect(text('whole/events.jsonl')).toBe(before);
  });

  it('names a damaged checkpoint', async () => {
    cpSync(at('whole'), at('damaged'), { recursive: true });
    const file = at('damaged/checkpoints/checkpoint.safetensors');
    const bytes = readFileSync(file);
    bytes[bytes.length - 9] ^= 1;
    writeFileSync(file, bytes);
    const ended = await train('--run damaged --resume');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /^kwta: damaged\/checkpoints\/checkpoint\.safetensors: the values of '.+' are damaged/m,
    );
  });
});

describe('options', () => {
  const yaml = `
# As flags say it, too.
data: data
epochs: 2
batchSize: 50
model: { type: resNet18, width: 8, activation: { type: kwta, gamma: 0.1, scope: channel } }
optimizer: { type: sgd, lr: 0.1, momentum: 0.9 }
lr: { type: step, every: 30 }
regime: { type: adversarial, epsilon: ${8 / 255}, attack: { type: pgd, steps: 10 } }
augment: [{ type: padCrop, padding: 4 }, { type: flip }]
ema: { decay: 0.99 }
run: r
`;
  const flags =
    '--data data --epochs 2 --batch-size 50 --model RESNET18:8 --activation kwta:0.1:channel --optimizer sgd:0.1 ' +
    '--set optimizer.momentum=0.9 --schedule step:30 --regime adversarial --attack pgd:steps=10 --epsilon 8/255 ' +
    '--augment padCrop:4,flip --ema 0.99 --run r';

  it('are the same as YAML, as JSON and as flags; and what is printed can be read again', async () => {
    writeFileSync(at('c.yaml'), yaml);
    const fromFlags = await train(`${flags} --print-config`);
    expect(fromFlags.code, fromFlags.stderr).toBe(0);
    writeFileSync(at('c.json'), fromFlags.stdout);
    const printed = [];
    for (const file of ['c.yaml', 'c.json']) printed.push((await train(`--config ${file} --print-config`)).stdout);
    expect(printed).toEqual([fromFlags.stdout, fromFlags.stdout]);
    expect(JSON.parse(fromFlags.stdout).regime.attack).toMatchObject({ type: 'pgd', steps: 10 });
    const over = await train('--config c.yaml --optimizer adam --set regime.attack.steps=3 --print-config');
    expect(JSON.parse(over.stdout)).toMatchObject({
      optimizer: { type: 'adam', lr: 0.001 },
      regime: { attack: { steps: 3 } },
    });
    expect(existsSync(at('r'))).toBe(false);
  });

  it('are told all that is wrong at once, and where it was said', async () => {
    writeFileSync(
      at('bad.yaml'),
      'epoch: 3\nmodel: { type: smallCnn, activation: { type: kwta, gamma: 2 }, chanels: [4, 4, 8] }\noptimizer: { type: sgd, momentum: 1 }\n',
    );
    const ended = await train('--config bad.yaml --batch-size x --set ema.decay=3 --run r');
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^kwta: .+\n$/);
    for (const problem of [
      '--data: expected a string, got undefined',
      '--epochs: expected a whole number >= 1, got undefined',
      'bad.yaml: model.activation.gamma: expected a number > 0 and <= 1, got 2',
      "bad.yaml: model: unknown option 'chanels' (did you mean 'channels'?); known are",
      'bad.yaml: optimizer.lr: expected a number > 0, got undefined',
      'bad.yaml: optimizer.momentum: expected a number >= 0 and < 1, got 1',
      '--batch-size: expected a whole number >= 1, got "x"',
      '--set ema.decay: expected a number >= 0 and < 1, got 3',
      "bad.yaml: unknown option 'epoch' (did you mean 'epochs'?); known are",
    ]) {
      expect(ended.stderr).toContain(problem);
    }
  });

  it.each([
    ['--config none.yaml', '--config: there is no file none.yaml that can be read'],
    ['--config broken.yaml', '--config: broken.yaml: '],
    ['--config list.json', '--config: list.json: expected options by name, got [1]'],
    ['--optimiser adam', "unknown option '--optimiser' (Did you mean --optimizer?)"],
    [`${base} --activation relu --epochs 1`, "--run: expected the run's folder, or --out, got neither"],
    [`${base} --activation relu:x --epochs 1 --run r`, "--activation: 'x' is no value for an option of relu"],
    [`${base} --activation tanh --epochs 1 --run r`, "got the type 'tanh'"],
    [`${base} --activation relu --epochs 1 --run r --regime adversarial`, '--attack: expected an attack'],
    [`${base} --activation relu --epochs 1 --run r --ema 0.9 --swa 0`, 'expected ema or swa, got both'],
    [`${base} --activation relu --epochs 1 --run r --patience 2`, 'expected validation with earlyStop, got none'],
    [
      `${base} --activation relu --epochs 1 --run r --class-weights [1,2]`,
      '--class-weights: expected 10 (the classes), got 2',
    ],
    [`${base} --activation relu --epochs 1 --run r --train-samples 601`, '--train-samples: expected at most 600'],
    [
      `${base} --activation relu --epochs 1 --run r --validation 0.0001`,
      '--validation: expected a share that leaves images',
    ],
    [`${base} --activation kwta:0.00001 --epochs 1 --run r`, 'leaves k = floor(gamma * N) = 0 winners'],
    [`${base} --activation relu --epochs 1 --run data/train-labels-idx1-ubyte`, '--run: expected a folder, got data/'],
    [
      `${base} --activation relu --epochs 1 --run r --out no/such.safetensors`,
      '--out: cannot write no/such.safetensors',
    ],
    [
      `--spec small.json --data data --epochs 1 --optimizer adam --run r`,
      '--model: expected a model of images of 1 x 28 x 28',
    ],
  ])('%s: one line on standard error, code 2, no folder', async (args, message) => {
    writeFileSync(at('broken.yaml'), 'a: [');
    writeFileSync(at('list.json'), '[1]');
    writeFileSync(
      at('small.json'),
      JSON.stringify(nn.sequential([nn.flatten(), nn.linear({ out: 10 })], { input: [1, 8, 8] })),
    );
    const ended = await train(args);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr.split('\n').filter((line) => line.startsWith('kwta: '))).toHaveLength(1);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(at('r'))).toBe(false);
  });

  it('are taken as the documentation writes them', async () => {
    const root = new URL('../../', import.meta.url);
    const [training, ...others] = ['training', 'cli', 'researchers'].map((page) =>
      readFileSync(new URL(`docs/${page}.md`, root), 'utf8'),
    );
    const [, example] = training.match(/^```yaml\n(.*?)^```$/ms) ?? [];
    writeFileSync(at('train.yaml'), example);
    const written = [training, ...others].join('\n');
    const commands = [...written.matchAll(/^npx kwta train ((?:.*\\\n)*.*)$/gm)].map(([, args]) =>
      args.replaceAll('\\\n', ''),
    );
    expect(commands).toHaveLength(5);
    for (const args of commands.filter((args) => !args.includes('--run second --resume'))) {
      const ended = await train(`${args.replaceAll(/ +/g, ' ')} --print-config`);
      expect(ended.stderr, args).toBe('');
      expect(JSON.parse(ended.stdout)).toMatchObject({ data: 'DIR' });
    }
  });

  it('are explained, with every model and regime that there is', async () => {
    const { stdout, code } = await train('--help');
    expect(code).toBe(0);
    for (const name of [...Object.keys(zooDescriptors), ...Object.keys(regimeDescriptors)]) {
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
  });
});

it('trains a description of your own, averaged, smoothed, with an attack, and keeps the best', async () => {
  const spec = nn.sequential([nn.flatten(), nn.linear({ out: 20 }), nn.kwta({ gamma: 0.2 }), nn.linear({ out: 10 })], {
    input: [1, 28, 28],
  });
  writeFileSync(at('spec.json'), JSON.stringify(spec));
  const options =
    `--spec spec.json --data data --epochs 2 --optimizer adamw --set lr=cosine --regime adversarial --attack fgsm ` +
    `--epsilon 0.02 --validation 0.2 --label-smoothing 0.1 --clip-gradient 1 --ema 0.9 --patience 5 --final best ${exact}`;
  const ended = await train(`${options} --out own.safetensors`);
  expect(ended.code, ended.stderr).toBe(0);
  expect(read('own.run/config.json')).toMatchObject({ model: spec, lr: { type: 'cosine' }, final: 'best' });
  expect(await weightsOf('own.safetensors')).toEqual(
    await weightsOf('own.run/checkpoints/checkpoint-best.safetensors'),
  );
  expect(text('own.run/index.html')).toContain('adversarial (attack fgsm');
});

it('that diverges says where, and which checkpoint is good; code 1', async () => {
  const ended = await train(
    `${base} --activation relu --epochs 2 --set lr={"type":"linear","to":1e38} --checkpoint-steps 1 --run bad`,
  );
  expect(ended.code).toBe(1);
  const [last] = ended.stderr.trimEnd().split('\n').slice(-1);
  expect(last).toMatch(
    /^kwta: fit: .+ in epoch \d, step \d+.*; the last good checkpoint is bad\/checkpoints\/checkpoint\.safetensors, of step \d+$/,
  );
  expect(events('bad').at(-1)).toMatchObject({ type: 'failed' });
  expect(text('bad/index.html')).toContain('<span class="status">failed</span>');
});

/** What a page shows while the run goes on. */
it('has a page that loads itself again while it runs', async () => {
  let page = '';
  const ended = await train(`${small} --epochs 4 --run live`, (stderr, child) => {
    if (page !== '' || !stderr.includes('epoch 2/4')) return;
    page = text('live/index.html');
    child.kill('SIGTERM');
  });
  expect(ended.code).toBe(143);
  expect(page).toContain('<span class="status">running</span>');
  expect(page).toMatch(/"live":\{"written":\d+,"every":3000\}/);
});
