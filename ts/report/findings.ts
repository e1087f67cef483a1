/** What was judged of an evaluation, the gravest first, for the terminal and for HTML. */
import type { Finding } from '../evaluate/report.js';
import { escapeHtml, modelTitle } from './format.js';
import type { Evaluation } from './result.js';

/** A finding and the model that it is about; none where it is about several. */
export interface PlacedFinding extends Finding {
  model?: string;
}

/** By severity, the gravest first: a sign that is told from the others without colours, and its word. */
const severities = {
  failure: { sign: '✖', word: 'Failure' },
  warning: { sign: '▲', word: 'Warning' },
  note: { sign: '●', word: 'Note' },
} satisfies Record<Finding['severity'], { sign: string; word: string }>;

const order = Object.keys(severities);

/** All findings, the gravest first; undefined when nobody judged. */
export function placedFindings({ models, findings }: Evaluation): PlacedFinding[] | undefined {
  if (findings === undefined && models.every((model) => model.findings === undefined)) return undefined;
  const all = [
    ...models.flatMap((model) =>
      (model.findings ?? []).map((finding) => ({
        ...finding,
        model: models.length > 1 ? modelTitle(model) : undefined,
      })),
    ),
    ...(findings ?? []),
  ];
  return all.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** A line for each finding; none when nobody judged. */
export function findingLines(result: Evaluation): string[] {
  const all = placedFindings(result);
  if (all?.length === 0) return [nothing];
  return (all ?? []).map(({ severity, code, model, message }) => {
    const { sign, word } = severities[severity];
    return `${sign} ${word} (${code})${model === undefined ? '' : ` ${model}`}: ${message}`;
  });
}

const nothing = 'No finding: every check of the evaluation was silent.';

/** The section of the page; empty when nobody judged. */
export function findingsSection(result: Evaluation): string {
  const all = placedFindings(result);
  if (all === undefined) return '';
  const items = all.map(({ severity, code, model, message, evidence }) => {
    const { sign, word } = severities[severity];
    const about = model === undefined ? '' : `<strong>${escapeHtml(model)}</strong>: `;
    const facts = Object.entries(evidence).map(
      ([key, value]) => `<span><b>${escapeHtml(inWords(key))}</b> ${escapeHtml(figure(value))}</span>`,
    );
    return `<li class="is-${severity}"><p class="severity"><span aria-hidden="true">${sign}</span> ${word}</p>
<div><p>${about}${escapeHtml(message)}</p><p class="evidence"><code>${code}</code>${facts.join('')}</p></div></li>`;
  });
  return `<section>
<h2>Findings</h2>
${items.length === 0 ? `<p class="note">${nothing}</p>` : `<ul class="findings">${items.join('\n')}</ul>`}
</section>`;
}

/** `leftByOther` as `left by other`. */
function inWords(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function figure(value: number | string): string {
  return typeof value === 'number' && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
}
