/** Small problems that are learned in a moment, and a k-WTA network built to hide its gradient. */
import { type Dataset, datasets, type Model, type ModelSpec, models, nn, optim, type Runtime, tensor } from 'kwta';
import { noise } from './support.js';

/** Pictures of 1x8x8 with up to four classes: a bright stripe in one of so many places, under noise. */
export function stripes(count: number, seed: number, classes = 3): Dataset {
  const pixels = noise(seed, count * 64).map((value) => 0.2 + 0.2 * value);
  const labels = Array.from({ length: count }, (_, i) => i % classes);
  for (const [i, label] of labels.entries()) {
    for (let column = 0; column < 8; column++) pixels[i * 64 + (2 * label + 1) * 8 + column] += 0.5;
  }
  return datasets.fromTensors({ images: { shape: [count, 1, 8, 8], data: pixels }, labels });
}

/** The labels of a dataset, the first three of them wrong: samples that a good model misclassifies as they are. */
export function spoiledLabels({ labels, classes }: Dataset): number[] {
  return Array.from(labels, (label, i) => (i < 3 ? (label + 1) % classes : label));
}

/** A network for {@link stripes}. */
export function stripeNet(activation: Parameters<typeof models.smallCnn>[0]['activation'], classes = 3): ModelSpec {
  return models.smallCnn({ activation, classes, input: [1, 8, 8], channels: [8, 8, 8] });
}

/** The network, trained until it is right. */
export async function trainedStripeNet(
  runtime: Runtime,
  activation: Parameters<typeof models.smallCnn>[0]['activation'],
  classes = 3,
): Promise<Model> {
  const model = await runtime.model(stripeNet(activation, classes), { seed: 1 });
  const optimizer = optim.sgd({ lr: 0.05, momentum: 0.9 });
  await model.fit(stripes(120, 1, classes), { epochs: 6, batchSize: 20, optimizer });
  return model;
}

/** Grey pictures of 1x4x4 around t = 2, where t is the sum of the pixels over 4; all of class 0. */
export function greys(count: number): Dataset {
  const pixels = noise(3, count * 16).map((value) => 0.5 + 0.02 * value);
  const images = { shape: [count, 1, 4, 4], data: pixels };
  return datasets.fromTensors({ images, labels: new Int32Array(count), classes: 2 });
}

/** Where the networks below change their mind: a change of every pixel by 0.05 from grey. */
const border = 2.2;

/**
 * A k-WTA network whose gradient lies. Its units are tangents of the parabola 1 + t^2, 0.02 apart; the largest
 * one wins. What the winner sends on makes logit 0 a saw: within a tooth it rises with t, from tooth to tooth it
 * falls as 2.2 - t. Following the gradient away from class 0 lowers t, which leads deeper into class 0.
 */
export async function saw(runtime: Runtime): Promise<Model> {
  const teeth = 200;
  const spec = nn.sequential(
    [nn.flatten(), nn.linear({ out: teeth }), nn.kwta({ k: 1 }), nn.linear({ out: 2, bias: false })],
    { input: [1, 4, 4] },
  );
  const centres = Array.from({ length: teeth }, (_, i) => 0.01 + 0.02 * i);
  const model = await runtime.model(spec);
  const heights = centres.map((t) => (border - t) / (1 + t * t));
  await model.loadStateDict({
    '1.weight': tensor(
      centres.flatMap((t) => new Array<number>(16).fill((2 * t) / 4)),
      [teeth, 16],
    ),
    '1.bias': tensor(
      centres.map((t) => 1 - t * t),
      [teeth],
    ),
    '3.weight': tensor([...heights, ...new Array<number>(teeth).fill(0)], [2, teeth]),
  });
  return model;
}

/** The same border without the teeth: logit 0 is 2.2 - t. */
export async function slope(runtime: Runtime): Promise<Model> {
  const model = await runtime.model(nn.sequential([nn.flatten(), nn.linear({ out: 2 })], { input: [1, 4, 4] }));
  const weight = [...new Array<number>(16).fill(-1 / 4), ...new Array<number>(16).fill(0)];
  await model.loadStateDict({ '1.weight': tensor(weight, [2, 16]), '1.bias': tensor([border, 0], [2]) });
  return model;
}

export const linearSize = 16;
export const linearClasses = 4;

/** Logits that are linear in the pixels of 1x4x4. */
export async function linear(
  runtime: Runtime,
  classes = linearClasses,
): Promise<{ model: Model; weight: Float32Array; bias: Float32Array }> {
  const size = linearSize;
  const model = await runtime.model(nn.sequential([nn.flatten(), nn.linear({ out: classes })], { input: [1, 4, 4] }));
  const weight = noise(7, classes * size);
  const bias = noise(8, classes).map((value) => 0.1 * value);
  await model.loadStateDict({ '1.weight': tensor(weight, [classes, size]), '1.bias': tensor(bias, [classes]) });
  return { model, weight, bias };
}

/** Four pixels and ten classes, of which one is always ahead: nothing breaks it, and every attack asks all it may. */
export async function stubborn(runtime: Runtime, kwta: boolean): Promise<Model> {
  const hidden = kwta ? [nn.linear({ out: 4 }), nn.kwta({ k: 2 })] : [];
  const layers = [nn.flatten(), ...hidden, nn.linear({ out: 10 })];
  const model = await runtime.model(nn.sequential(layers, { input: [1, 2, 2] }));
  const last = kwta ? 3 : 1;
  await model.loadStateDict({
    ...(await model.stateDict()),
    [`${last}.weight`]: tensor(new Float32Array(40), [10, 4]),
    [`${last}.bias`]: tensor([1, ...new Array<number>(9).fill(0)], [10]),
  });
  return model;
}

/** What it is asked about. */
export const stubbornSample = { x: tensor([0.5, 0.4, 0.6, 0.5], [1, 1, 2, 2]), labels: [0], epsilons: [0.1] };
