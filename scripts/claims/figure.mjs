// node scripts/claims/figure.mjs FOLDER --out FILE.svg
// The figure of examples/sweeps/figure.yaml for the docs, from the sweep's folder: right answers without an attack, under PGD and
// under the adaptive cascade, against gamma, for natural and adversarial training; and the same as a table.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build } from '../build.mjs';
import { trialsOf } from '../lib/journal.mjs';
import { Failure, main } from '../lib/steps.mjs';
import { alone, pointOf, text } from './drawing.mjs';

const { values: options, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });

const gammaOption = 'train.model.activation.gamma';
/** A trial's figures, and what the docs call them. @type {Record<string, string>} */
const quantities = { test: 'test images', clean: 'no attack', 'pgd@0.1': 'PGD', 'adaptive@0.1': 'adaptive' };

await main(async () => {
  const [folder] = positionals;
  const { out } = options;
  if (folder === undefined || out === undefined) throw new Failure('expected the folder of a sweep and --out FILE.svg');
  await build();
  const { plot, plain, wholePercent } = await import('../../dist/report/curves.js');
  const { STYLE } = await import('../../dist/report/style.js');
  const trials = (await trialsOf(folder)).map(({ attributes }) => resultOf(attributes));
  const gammas = [...new Set(trials.map(({ gamma }) => gamma))].sort((a, b) => a - b);
  const regimes = [...new Set(trials.map(({ regime }) => regime))];
  const curves = regimes.flatMap((regime) =>
    Object.keys(quantities).map((quantity) => ({
      regime,
      quantity,
      points: gammas.map((gamma) => {
        const same = trials.filter((trial) => trial.regime === regime && trial.gamma === gamma);
        return pointOf(
          gamma,
          same.map(({ figures }) => figures[quantity].accuracy),
        );
      }),
    })),
  );
  const shown = curves.filter(({ quantity }) => quantity !== 'test');
  const labels = shown.map(({ regime, quantity }) => `${regime}, ${quantities[quantity]}`);
  const svg = plot(
    shown.map(({ points }, model) => ({ model, points })),
    {
      title: `Right answers against gamma: ${labels.map((label, i) => `${label} ${text(shown[i].points[0], true)} at ${gammas[0]}`).join(', ')}.`,
      unit: 'gamma; share of right answers',
      ...{ start: 0, end: gammas[gammas.length - 1], step: 0.1, columnLabel: plain },
      ...{ ceiling: 1, rise: 0.25, label: wholePercent },
    },
  );
  writeFileSync(out, alone(svg, labels, STYLE));
  const rows = [
    ['γ', ...curves.map(({ regime, quantity }) => `${regime}, ${quantities[quantity]}`)],
    curves.map(() => '---').concat('---'),
    ...gammas.map((gamma, i) => [String(gamma), ...curves.map(({ points }) => text(points[i], true))]),
  ];
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
});

/**
 * @param {Record<string, unknown>} attributes of a trial
 * @returns {{ gamma: number, regime: string, figures: Record<string, { accuracy: number }> }}
 */
function resultOf({ options, seed, figures }) {
  if (figures === undefined) throw new Failure(`a trial has no figures yet: ${JSON.stringify({ options, seed })}`);
  const { [gammaOption]: gamma, 'train.regime': regime } = /** @type {Record<string, any>} */ (options);
  return { gamma, regime: regime.type, figures: /** @type {Record<string, { accuracy: number }>} */ (figures) };
}
