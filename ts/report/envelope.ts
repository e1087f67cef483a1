/** How near each attack comes to the closest adversarials of all, as a section of the page and for the terminal. */
import type { Envelope } from '../evaluate/report.js';
import { attackLabel, table } from './figures.js';
import { escapeHtml, modelTitle, percent } from './format.js';
import type { Evaluation, ModelResult } from './result.js';
import { grid, type Row } from './table.js';

const headers = ['median distance', 'optimality', 'closest'];

/** Distances are shown to four digits. */
function distance(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(4)));
}

/** The figures of one attack; what does not exist is a dash. */
function figuresOf({ median, optimality, best }: Envelope['attacks'][number]): string[] {
  return [distance(median), optimality === null ? '–' : optimality.toFixed(3), percent(best)];
}

/** A line for each attack, below one for all together. */
function rowsOf({ median, attacks }: Envelope): { label: string; cells: string[]; all: boolean }[] {
  return [
    ...attacks.map((attack) => ({ label: attackLabel(attack), cells: figuresOf(attack), all: false })),
    { label: 'all together', cells: [distance(median), '', ''], all: true },
  ];
}

function known(models: readonly ModelResult[]): { model: ModelResult; envelope: Envelope; index: number }[] {
  return models.flatMap((model, index) =>
    model.envelope === undefined ? [] : [{ model, envelope: model.envelope, index }],
  );
}

/** For the terminal; empty where no distances are known. */
export function renderEnvelope({ models }: Evaluation): string {
  const rows = known(models).flatMap(({ model, envelope }): Row[] => [
    'rule',
    { cells: [modelTitle(model), '', '', ''], emphasis: true },
    ...rowsOf(envelope).map(({ label, cells, all }) => ({ cells: [`  ${label}`, ...cells], emphasis: all })),
  ]);
  return rows.length === 0 ? '' : grid(['closest adversarials', ...headers], rows);
}

/** The section of the page. */
export function envelopeSection({ models }: Evaluation): string {
  const all = known(models);
  if (all.length === 0) return '';
  const tables = all.map(({ model, envelope, index }) => {
    const rows = rowsOf(envelope).map(({ label, cells, all }) => {
      const data = cells.map((cell) => `<td>${cell}</td>`).join('');
      return `<tr${all ? ' class="worst"' : ''}><th scope="row">${escapeHtml(label)}</th>${data}</tr>`;
    });
    const columns = ['Attack', ...headers.map((header) => header[0].toUpperCase() + header.slice(1))];
    return table(modelTitle(model), columns, rows, `model-${index}`);
  });
  const ends = [...new Set(all.map(({ envelope }) => distance(envelope.dMax)))];
  return `<section>
<h2>Closest adversarials</h2>
<p class="note">How far the adversarials lie that each attack made, of images that were right. Optimality is 1 for an attack that
comes as near as all together, and 0 for one that finds nothing, by the areas under curves of accuracy from 0 to
${escapeHtml(ends.join(' or '))}; attacks that were not given every image have none. The last column is the share of broken images
of which no attack made a closer adversarial.</p>
${tables.join('\n')}
</section>`;
}
