// node scripts/claims/curves.mjs --out FILE.svg [--quantity loss|accuracy|validationAccuracy] LABEL=RUN[,RUN...] ...
// A figure for the docs: what runs of `kwta train` had after each epoch, a curve for each label; where several runs share one,
// their mean within the band from the lowest to the highest.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { Failure, main, note } from '../lib/steps.mjs';
import { alone, pointOf, text } from './drawing.mjs';

const { values: options, positionals } = parseArgs({
  options: { out: { type: 'string' }, quantity: { type: 'string', default: 'loss' } },
  allowPositionals: true,
});

/** What the figure calls each quantity of an epoch. @type {Record<string, string>} */
const quantities = {
  loss: 'training loss',
  accuracy: 'training accuracy',
  validationAccuracy: 'accuracy on images held out',
};

await main(async () => {
  const { out, quantity } = options;
  if (out === undefined || positionals.length === 0) throw new Failure('expected --out FILE.svg and LABEL=RUN');
  const name = quantities[quantity];
  if (name === undefined) throw new Failure(`--quantity: expected one of ${Object.keys(quantities)}, got ${quantity}`);
  await build();
  const { niceStep, plain, plot, wholePercent } = await import('../../dist/report/curves.js');
  const { STYLE } = await import('../../dist/report/style.js');
  const labels = positionals.map((each) => each.split('=')[0]);
  const series = positionals.map((each, model) => {
    const runs = each.slice(labels[model].length + 1).split(',');
    const values = runs.map((run) => epochsOf(run, quantity));
    return {
      model,
      points: values[0].map((_, epoch) =>
        pointOf(
          epoch + 1,
          values.map((each) => each[epoch]),
        ),
      ),
    };
  });
  const share = quantity !== 'loss';
  const ends = series.map(({ points }) => text(points[points.length - 1], share));
  const values = series.flatMap(({ points }) => points.flatMap(({ range }) => range));
  const end = Math.max(...series.flatMap(({ points }) => points.map(({ x }) => x)));
  const rise = share ? 0.25 : niceStep(Math.max(...values));
  const svg = plot(series, {
    title: `The ${name} over epochs: ${labels.map((label, i) => `${label} ends at ${ends[i]}`).join(', ')}.`,
    unit: `epochs; ${name}`,
    start: 1,
    end,
    step: Math.max(1, niceStep(end)),
    ceiling: share ? 1 : Math.ceil(Math.max(...values) / rise) * rise,
    rise,
    label: share ? wholePercent : plain,
  });
  writeFileSync(out, alone(svg, labels, STYLE));
  note(`${out}: ${labels.map((label, i) => `${label} ${ends[i]}`).join(', ')}`);
});

/**
 * @param {string} run @param {string} quantity
 * @returns {number[]} by epoch
 */
function epochsOf(run, quantity) {
  const lines = readFileSync(path.join(run, 'events.jsonl'), 'utf8').trim().split('\n');
  const epochs = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'epoch');
  const values = epochs.map((epoch) => epoch[quantity]);
  if (values.length === 0 || values.includes(undefined)) throw new Failure(`${run}: no ${quantity} of epochs in it`);
  return values;
}
