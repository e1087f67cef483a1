/** `kwta convert` and `kwta info` on files of weights. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, datasets, nn } from 'kwta';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeAdversarials } from '../../dist/evaluate/adversarials.js';
import { readWeights } from '../../dist/io/weights.js';
import { kwtaIn } from './command.js';

const file = (name: string): string => join(import.meta.dirname, '../fixtures/weights', name);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-convert-'));
});
afterAll(() => rm(folder, { recursive: true }));

const run = (...args: string[]) => kwtaIn(folder, args);

it('tells what weights are of', async () => {
  const { code, stdout } = await run('info', file('resnet.pth'));
  expect(code).toBe(0);
  expect(stdout).toBe(
    [
      'weights      PyTorch, older form: 122 tensors, 3,098 values',
      "             found under 'state_dict'",
      "             'model.' taken off all names",
      "             parts called otherwise: 'shortcut' is 'downsample' here, 'linear' is 'fc'",
      '             normalised by mean 0.25, 0.5, 0.75 and deviation 0.5, 0.25, 0.125',
      'model        ResNet-18, width 1, 3 classes, BatchNorm; activation unknown: give --activation kwta:0.1; images of ' +
        '3 x 32 x 32 assumed: --input gives others\n',
    ].join('\n'),
  );
  const whole = await run('info', file('resnet.pth'), '--activation', 'kwta:0.1');
  expect(whole.stdout).toMatch(/layer4.1.act2 +│ +kwta │ +8 x 4 x 4 /);
});

it('makes models of weights, with the normalisation in them, and weights of models', { timeout: 30_000 }, async () => {
  const made = await run('convert', file('resnet.pth'), 'model.safetensors', '--activation', 'kwta:0.1');
  expect(made.stdout).toMatch(/written +model.safetensors\n$/);
  await using runtime = await createRuntime({ threads: 1 });
  const model = await runtime.load(join(folder, 'model.safetensors'));
  expect(model.spec.layers[0]).toEqual(
    nn.normalize({ name: 'normalize', mean: [0.25, 0.5, 0.75], std: [0.5, 0.25, 0.125] }),
  );
  expect((await run('convert', 'model.safetensors', 'model.npz')).code).toBe(0);
  const { tensors } = await readWeights('test', join(folder, 'model.npz'));
  expect(tensors).toEqual(await model.stateDict());
});

it('makes ONNX of models, and models of it', { timeout: 30_000 }, async () => {
  const flags = ['--activation', 'kwta:0.3', '--input', '1,8,8'];
  expect((await run('convert', file('plain.pth'), 'model.onnx', ...flags)).stdout).toMatch(/written +model.onnx\n/);
  expect((await run('convert', 'model.onnx', 'back.safetensors')).stdout).toMatch(
    /weights +a network of ONNX: 17 tensors/,
  );
  expect((await run('convert', file('plain.pth'), 'same.safetensors', ...flags)).code).toBe(0);
  await using runtime = await createRuntime({ threads: 1 });
  const [back, same] = await Promise.all(
    ['back', 'same'].map((name) => runtime.load(join(folder, `${name}.safetensors`))),
  );
  const x = { shape: [1, 1, 8, 8], data: Float32Array.from({ length: 64 }, (_, i) => ((i * 7) % 64) / 64) };
  expect(await back.logits(x)).toEqual(await same.logits(x));
  const { code, stderr } = await run('convert', file('plain.pth'), 'model.onnx');
  expect([code, stderr]).toEqual([2, expect.stringMatching(/out: expected a model for .onnx, got weights alone/)]);
});

it('makes archives and pictures of adversarial images', async () => {
  const images = [new Float32Array(16).fill(0.25), new Float32Array(16).fill(0.75)];
  const adversarials = [{ epsilon: 0.1, samples: [1, 4], attacks: ['pgd', 'square'], images }];
  await writeFile(join(folder, 'adv.safetensors'), encodeAdversarials([{ adversarials }], [1, 4, 4]));
  await writeFile(join(folder, 'report.json'), JSON.stringify({ labels: [0, 1, 0, 1, 0] }));
  const made = await run('convert', 'adv.safetensors', 'adv.npz', '--report', 'report.json');
  expect(made).toMatchObject({ code: 0, stderr: '' });
  const set = await datasets.npz({ file: join(folder, 'adv.npz'), images: 'images_0.1', labels: 'labels_0.1' });
  expect([Array.from(set.labels), set.shape, set.images[0], set.images[16]]).toEqual([[1, 0], [1, 4, 4], 0.25, 0.75]);
  const { tensors } = await readWeights('test', join(folder, 'adv.npz'));
  expect(Array.from(tensors['samples_0.1'].data)).toEqual([1, 4]);
  expect((await run('convert', 'adv.safetensors', 'pictures', '--report', 'report.json')).stdout).toMatch(
    /2 pictures in pictures/,
  );
  const pictures = await datasets.imageFolder({ dir: join(folder, 'pictures', '0.1'), channels: 1 });
  expect([pictures.classNames, Array.from(pictures.images.subarray(0, 1))]).toEqual([['0', '1'], [191]]);
  await writeFile(join(folder, 'other.json'), JSON.stringify({ labels: [0] }));
  const refused = await run('convert', 'adv.safetensors', 'adv.npz', '--report', 'other.json');
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/--report: expected the report that adv.safetensors/),
  ]);
  expect((await run('convert', 'adv.safetensors', 'adv.onnx')).stderr).toMatch(/out: expected .npz or a folder/);
  expect((await run('convert', file('plain.pth'), 'pictures')).stderr).toMatch(
    /out: expected a folder for adversarial images alone/,
  );
}, 60_000);

it('writes weights alone where the model is not known', async () => {
  const { stdout } = await run('convert', file('checkpoint.pth'), 'weights.safetensors');
  expect(stdout).toMatch(/written +weights.safetensors, weights alone\n$/);
  const { tensors } = await readWeights('test', join(folder, 'weights.safetensors'));
  expect(tensors['1.num_batches_tracked']).toEqual({ shape: [], data: new Float32Array([0]) });
  expect(tensors['10.weight'].shape).toEqual([3, 4]);
});

it.each([
  [['convert', file('plain.pth'), 'out.pth'], /expected a file that ends in .safetensors, .onnx, .npz/],
  [['convert', file('plain.pth'), 'a.npz', '--activation', 'swish'], /--activation|activation: expected/],
  [
    ['convert', file('views.pth'), 'a.npz', '--activation', 'relu'],
    /--activation: expected weights of a ready-made model/,
  ],
  [['convert', file('plain.pth'), 'a.npz', '--mean', '0.5'], /--mean and --std: expected both or neither/],
  [['convert', file('plain.pth'), 'a.npz', '--input', '3,32'], /expected three numbers, such as 3,32,32/],
  [
    ['convert', file('plain.pth'), 'a.npz', '--model', 'resNet18', '--activation', 'relu'],
    /do not fit the model: missing/,
  ],
  [['convert', file('hostile.pth'), 'a.npz'], /in: .*posix.system, which is not read/],
  [['convert', 'none.pth', 'a.npz'], /in: there is no file none.pth/],
])('refuses %j', async (args, message) => {
  const { code, stderr } = await run(...args);
  expect([code, stderr.trim().split('\n').length]).toEqual([2, 1]);
  expect(stderr).toMatch(message);
});
