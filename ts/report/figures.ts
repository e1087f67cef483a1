/** Tables of the page: every figure of every model, differences between models, and what transfers between them. */
import type { Accuracy } from '../evaluate/report.js';
import { whisker } from './charts.js';
import { count, duration, escapeHtml, modelTitle, percent, percentRange, shortCount } from './format.js';
import type { DescribedAttack, Evaluation } from './result.js';

/** Marks an attack that got only what those before it left. */
export const ONWARD = '↳';

type Stage = NonNullable<DescribedAttack['stages']>[number];

/** The name of an attack, with {@link ONWARD} where it belongs. */
export function attackLabel({ name, scope }: Pick<DescribedAttack, 'name' | 'scope'>): string {
  return scope === 'left' ? `${ONWARD} ${name}` : name;
}

/** All figures, one table a model. */
export function figures({ models, epsilons }: Evaluation): string {
  const all = models.map((model, index) => {
    const perImage = model.attacks.some(({ meanQueries }) => meanQueries !== undefined);
    const headers = [
      ...[
        'Attack',
        'ε',
        'Accuracy',
        '95 % interval',
        '<span aria-hidden="true">0 – 100 %</span>',
        'Correct',
        'Forward',
      ],
      ...['Backward', ...(perImage ? ['Per image'] : []), 'Time'],
    ];
    const row = (label: string, epsilon: string, figure: Accuracy, attack?: DescribedAttack, worst = false): string => {
      const cells = [
        epsilon,
        percent(figure.accuracy),
        `<span class="interval">${percentRange(figure.ci95)}</span>`,
        whisker(figure, index),
        `${figure.correct} / ${figure.total}`,
        attack ? shortCount(attack.queries.forward) : '',
        attack ? shortCount(attack.queries.backward) : '',
        ...(perImage ? [attack?.meanQueries === undefined ? '' : count(attack.meanQueries)] : []),
        attack ? duration(attack.seconds) : '',
      ];
      const data = cells.map((cell) => `<td>${cell}</td>`).join('');
      return `<tr${worst ? ' class="worst"' : ''}><th scope="row">${escapeHtml(label)}</th>${data}</tr>`;
    };
    const rows = epsilons.flatMap((epsilon) => [
      ...model.attacks
        .filter((attack) => attack.epsilon === epsilon)
        .flatMap((attack) => [
          row(attackLabel(attack), String(epsilon), attack, attack),
          ...(attack.stages ?? []).map((stage) => stageRow(stage, perImage)),
        ]),
      ...(Object.hasOwn(model.worstCase, epsilon)
        ? [row('Worst case', String(epsilon), model.worstCase[epsilon], undefined, true)]
        : []),
    ]);
    return table(modelTitle(model), headers, [row('None (clean)', '', model.clean), ...rows], `model-${index}`);
  });
  const onward = models.some(({ attacks }) => attacks.some(({ scope }) => scope === 'left'));
  const onwardNote = onward
    ? ` ${ONWARD} marks an attack that got only what those above it left; its accuracy is what all of them leave together.`
    : '';
  const known = models.some(({ attacks }) => attacks.some(({ meanQueries }) => meanQueries !== undefined));
  const queriesNote = known ? ', and both together for each image that it worked on' : '';
  return `<section>
<h2>All figures</h2>
<p class="note">Forward and backward count the images sent through the network by the whole attack${queriesNote}.${onwardNote}</p>
${all.join('\n')}
</section>`;
}

/** What one attack of a cascade did. */
function stageRow({ name, attacked, broken, queries }: Stage, perImage: boolean): string {
  const cells = [`breaks ${broken} of ${attacked}`, shortCount(queries.forward), shortCount(queries.backward)];
  const data = [...cells, ...(perImage ? [''] : []), ''].map((cell) => `<td>${cell}</td>`).join('');
  return `<tr class="stage"><th scope="row">${escapeHtml(name)}</th><td colspan="4"></td>${data}</tr>`;
}

/** A table of the page; `rows` and `headers` are HTML. */
export function table(caption: string, headers: readonly string[], rows: readonly string[], style: string): string {
  const head = headers.map((header) => `<th scope="col">${header}</th>`).join('');
  return `<div class="scroll"><table class="${style}">
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>${rows.join('')}</tbody>
</table></div>`;
}

/** How the worst cases of each two models differ. */
export function differences({ pairs = [] }: Evaluation): string {
  const worst = pairs.filter(({ attack }) => attack === undefined);
  if (worst.length === 0) return '';
  const points = (share: number): string => `${share > 0 ? '+' : ''}${(100 * share).toFixed(1)}`;
  const rows = worst.map(({ first, second, epsilon, difference, ci95: [low, high], onlyFirst, onlySecond, p }) => {
    const cells = [epsilon, `${points(difference)} points`, `${points(low)} to ${points(high)}`, onlyFirst, onlySecond];
    const data = [...cells, p < 0.001 ? '&lt; 0.001' : p.toFixed(3)].map((cell) => `<td>${cell}</td>`).join('');
    return `<tr><th scope="row">${escapeHtml(`${first} – ${second}`)}</th>${data}</tr>`;
  });
  const headers = [
    'Models',
    'ε',
    'Difference',
    '95 % interval',
    'Only the first right',
    'Only the second',
    'p (McNemar)',
  ];
  return `<p class="note">Differences of the worst cases, on the same images.</p>
${table('First minus second', headers, rows, 'plain')}`;
}

/** Who fools whom, as a heat map. */
export function transferSection({ transfer }: Evaluation): string {
  if (transfer === undefined) return '';
  const { names, matrix, clean, epsilon, attack } = transfer;
  const heads = names.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  const row = (label: string, figures: readonly Accuracy[], own = -1): string => {
    const cells = figures.map(({ accuracy }, target) => heat(accuracy, target === own));
    return `<tr><th scope="row">${escapeHtml(label)}</th>${cells.join('')}</tr>`;
  };
  const rows = matrix.map((figures, source) => row(names[source], figures, source));
  return `<section>
<h2>What transfers</h2>
<p class="note">Accuracy of each model (column) on ${count(clean[0].total)} images that ${escapeHtml(attack.type)} made on another
(row) at ε = ${epsilon}. The stronger the colour, the more is broken; framed are models that were attacked themselves.</p>
<div class="scroll"><table class="heat"><thead><tr><th scope="col">made on ↓, tried on →</th>${heads}</tr></thead>
<tbody>${rows.join('')}${row('no attack', clean)}</tbody></table></div>
</section>`;
}

function heat(accuracy: number, own: boolean): string {
  return `<td${own ? ' class="own"' : ''} style="--heat: ${(50 * (1 - accuracy)).toFixed(0)}%">${percent(accuracy)}</td>`;
}
