/** The program that every environment runs: ten steps of training in the worker, whose last loss has the same bits everywhere. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What the program found. */
export interface Outcome {
  variant: string;
  threads: number;
  shared: boolean;
  /** Written out in as many digits as it takes to be exact. */
  loss: number;
}

const training = (entry: string, before: string) => `
import { createRuntime, datasets, models, nn, optim } from '${entry}';
${before}
export async function train(options) {
  const runtime = await createRuntime({ deterministic: true, ...options });
  const activation = nn.kwta({ gamma: 0.2 });
  const model = await runtime.model(models.smallCnn({ activation, channels: [8, 8, 8] }), { seed: 1 });
  const data = datasets.synthetic({ count: 160, seed: 1 });
  let loss;
  for await (const event of model.fit(data, { epochs: 1, batchSize: 16, optimizer: optim.sgd({ lr: 0.01 }) })) {
    if (event.type === 'batch') loss = event.loss;
  }
  await runtime.dispose();
  return { ...runtime.info, loss };
}
`;

/** Before the outcome in what a program prints. */
export const mark = 'OUTCOME ';

/** How a program is written. */
export interface ProgramOptions {
  /** Of the package. */
  entry?: string;
  /** Code after the import, to be run before the runtime starts. */
  before?: string;
  /** Of the runtime. */
  options?: { threads?: number };
}

/** Writes `train.js`, `main.js` for a console and `page.js` with `index.html` for a browser. */
export async function writeProgram(
  folder: string,
  { entry = 'kwta', before = '', options = { threads: 1 } }: ProgramOptions = {},
): Promise<void> {
  const call = `train(${JSON.stringify(options)})`;
  const files = {
    'train.js': training(entry, before),
    'main.js': `import { train } from './train.js';
${call}.then((outcome) => console.log('${mark}' + JSON.stringify(outcome)));
`,
    'page.js': `import { train } from './train.js';
const show = (state, text) => Object.assign(document.body.dataset, { state, text });
${call}.then(
  (outcome) => show('done', JSON.stringify(outcome)),
  (error) => show('failed', error.name + ': ' + error.message),
);
`,
    'index.html': `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><link rel="icon" href="data:," /><title>kwta</title></head>
  <body><script type="module" src="./page.js"></script></body>
</html>
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

/** The outcome in what a program printed. */
export function outcomeIn(output: string): Outcome {
  const line = output.split('\n').find((each) => each.startsWith(mark));
  if (line === undefined) throw new Error(`the program printed no outcome:\n${output}`);
  return JSON.parse(line.slice(mark.length)) as Outcome;
}
