/** Files of weights as PyTorch, safetensors and NumPy wrote them (scripts/fixtures/weight_files.py): values, names, logits. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, DataError, type ModelSpec, models, nn, ShapeError, type Tensor } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWeights } from '../../dist/io/weights.js';
import expected from '../fixtures/weights/expected.json' with { type: 'json' };

const folder = join(import.meta.dirname, '../fixtures/weights');
const file = (name: string): string => join(folder, name);
const runtime = await createRuntime({ threads: 1 });
afterAll(() => runtime.dispose());

/** As `pattern` of the script that wrote the files. */
function pattern(shape: number[]): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length }, (_, i) => ((i * 7) % 251) / 256) };
}

const activation = nn.relu();
const spec = models.smallCnn({ activation, channels: [2, 3, 4], classes: 3, input: [1, 8, 8] });
const x = pattern([2, 1, 8, 8]);

async function logitsOf(path: string, own: ModelSpec, input: Tensor) {
  const model = await runtime.load(path, { spec: own });
  const { data } = await model.logits(input);
  await model.dispose();
  return { logits: Array.from(data), notes: model.notes };
}

function expectNear(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of got.entries()) expect(Math.abs(value - wanted[i])).toBeLessThan(tolerance);
}

describe('load with a description', () => {
  it.each([
    ['plain.pth', 1e-5, []],
    ['legacy.pth', 1e-5, []],
    ['protocol4.pth', 1e-5, []],
    ['double.pth', 1e-5, []],
    ['half.pth', 5e-3, []],
    ['bfloat16.pth', 5e-2, []],
    ['parallel.pth', 1e-5, ["'module.' taken off all names"]],
    ['checkpoint.pth', 1e-5, ["found under 'net'", "'module.' taken off all names"]],
    ['model.safetensors.index.json', 1e-5, []],
    ['model.npz', 1e-5, []],
    ['half.npz', 5e-3, []],
  ] as const)('%s gives the logits of PyTorch', async (name, tolerance, notes) => {
    const found = await logitsOf(file(name), spec, x);
    expectNear(found.logits, expected.logits, tolerance);
    expect(found.notes).toEqual(notes);
  });

  it('finds a network inside a wrapper that normalises, under the names of other code', async () => {
    const images = pattern([2, 3, 32, 32]);
    const plain = models.resNet18({ activation, width: 1, classes: 3 });
    await expect(runtime.load(file('resnet.pth'), { spec: plain })).rejects.toThrow(
      /the weights come with a normalisation: begin the model with nn.normalize\({ mean: \[0.25, 0.5, 0.75\], std: \[0.5, 0.25, 0.125\] }\)/,
    );
    const normalize = (mean: number[]) => nn.normalize({ mean, std: [0.5, 0.25, 0.125] });
    const whole = (mean: number[]) => nn.sequential([normalize(mean), ...plain.layers], { input: plain.input });
    await expect(runtime.load(file('resnet.pth'), { spec: whole([0.5, 0.5, 0.5]) })).rejects.toThrow(
      /another normalisation than the model's: .* got mean \[0.5, 0.5, 0.5\]/,
    );
    const found = await logitsOf(file('resnet.pth'), whole([0.25, 0.5, 0.75]), images);
    expectNear(found.logits, expected.resnet, 1e-4);
    expect(found.notes).toEqual([
      "found under 'state_dict'",
      "'model.' taken off all names",
      "parts called otherwise: 'shortcut' is 'downsample' here, 'linear' is 'fc'",
      'the normalisation among the weights is that of the model',
    ]);
  });

  it('takes the weights of a model of its own for another description, too', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'kwta-weights-')), 'model.safetensors');
    const first = await runtime.load(file('plain.pth'), { spec });
    await first.save(path);
    const other = models.smallCnn({
      activation: nn.kwta({ gamma: 1 }),
      channels: [2, 3, 4],
      classes: 3,
      input: [1, 8, 8],
    });
    const model = await runtime.load(path, { spec: other });
    expect(await model.stateDict()).toEqual(await first.stateDict());
    expect(model.spec).toEqual(other);
    expect((await runtime.load(path)).spec).toEqual(spec);
    await rm(path);
  });
});

describe('values', () => {
  it.each(['views.pth', 'views_legacy.pth', 'kinds.safetensors'])('of every type and view in %s', async (name) => {
    const { tensors } = await readWeights('test', file(name));
    expect(Object.keys(tensors).length).toBeGreaterThan(16);
    for (const [key, { shape, data }] of Object.entries(tensors)) {
      const [wantedShape, values] = expected.views[key as keyof typeof expected.views];
      expect(shape, key).toEqual(wantedShape);
      expect(Array.from(data), key).toEqual(values);
    }
  });
});

describe('what does not fit', () => {
  it('is listed at once, with the names that may be meant', async () => {
    const load = (own: ModelSpec) => runtime.load(file('plain.pth'), { spec: own });
    const layers = spec.layers.map((layer, i) =>
      i === 3 ? nn.conv2d({ out: 5, kernel: 3, stride: 2, padding: 1 }) : layer,
    );
    const error = await load(
      nn.sequential([...layers.slice(0, 10), { ...layers[10], name: '10.fc' }], { input: [1, 8, 8] }),
    ).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as Error).message).toMatch(
      /plain.pth: the weights do not fit the model: missing: '3.bias'.*, '10.fc.weight' \(did you mean '10.weight'\?\), .*; left over: '10.weight' \(did you mean '10.fc.weight'\?\), .*; of another shape: '3.weight' \(expected \[5, 2, 3, 3\], got \[3, 2, 3, 3\]\), '4.weight'/,
    );
  });

  it('is named when there is no description, with the model that it looks like', async () => {
    await expect(runtime.load(file('checkpoint.pth'))).rejects.toThrow(
      /checkpoint.pth: expected a model's description .* found weights alone; they look like those of smallCnn, channels 2, 3, 4, 3 classes, BatchNorm: runtime.load\(path, { spec }\) takes them/,
    );
    await expect(runtime.load(file('views.pth'))).rejects.toThrow(
      /found weights alone; .* with the description of their model/,
    );
    await expect(runtime.load(file('none.pth'), { spec })).rejects.toThrow(/load: there is no file .*none.pth/);
  });

  it.each([
    [
      'whole.pth',
      /whole.pth: expected a dictionary of tensors, got an object of torch.nn.modules.* save model.state_dict\(\)/,
    ],
    ['script.pth', /script.pth: expected a dictionary of tensors, got a program of TorchScript/],
    ['hostile.pth', /hostile.pth: .*got posix.system, which is not read: nothing in a pickle is run here/],
    ['expanded.pth', /expanded.pth: expected at most \d+ values in \d+ bytes, got 1000000000/],
  ])('%s is refused', async (name, message) => {
    const error = await runtime.load(file(name), { spec }).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(message);
    expect(existsSync('/tmp/kwta-was-here')).toBe(false);
  });
});

describe('an index of several files', () => {
  let place: string;
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'kwta-index-'));
  });
  afterAll(() => rm(place, { recursive: true }));

  it.each([
    ['{"weight_map": {"a": "../model.safetensors"}}', /weight_map: expected names of files beside it, got "..\/model/],
    ['{"weight_map": {"a": 3}}', /weight_map: expected names of files beside it, got 3/],
    ['{"weight_map": {"a": "part.safetensors"}}', /expected the file part.safetensors beside it, found none/],
    ['{"weight_map": {"a": "whole.safetensors"}}', /expected 'a' in whole.safetensors, found none/],
    ['{"weights": {}}', /expected an index of safetensors with a weight_map/],
    ['{"weight_map": ', /expected an index to be JSON/],
  ])('%s is refused', async (text, message) => {
    await writeFile(join(place, 'whole.safetensors'), await readFile(file('kinds.safetensors')));
    await writeFile(join(place, 'index.json'), text);
    await expect(runtime.load(join(place, 'index.json'), { spec })).rejects.toThrow(message);
  });
});
