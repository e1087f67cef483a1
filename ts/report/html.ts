/** A run as one HTML file: figures, curves, images and words, with everything inline. */
import type { Accuracy, AttackReport } from '../evaluate/report.js';
import { analysisSections } from './analysis.js';
import { dotPlot } from './charts.js';
import { curves, securityCurves } from './curves.js';
import { envelopeSection } from './envelope.js';
import { differences, figures, transferSection } from './figures.js';
import { findingsSection } from './findings.js';
import { count, duration, escapeHtml, list, modelTitle, percent, percentRange } from './format.js';
import { factList, renderPage, unbroken } from './page.js';
import { pngUri } from './png.js';
import type { Evaluation, Example, ModelResult } from './result.js';
import { headline, verdict } from './verdict.js';

/** The report as the text of an HTML file that needs nothing else. */
export function renderReport(result: Evaluation): string {
  const title = headline(result);
  const sections = [
    header(result, title),
    findingsSection(result),
    summary(result),
    comparison(result),
    security(result),
    transferSection(result),
    envelopeSection(result),
    figures(result),
    ...(result.inside === undefined ? [] : analysisSections(result.inside)),
    training(result),
    examples(result),
    attacks(result),
    facts(result),
  ];
  return renderPage({ title, maker: maker(result), sections });
}

function header(result: Evaluation, title: string): string {
  const sentences = verdict(result).map((sentence) => `<li>${unbroken(escapeHtml(sentence))}</li>`);
  const { dataset, regime, date } = result;
  const facts = [dataset, regime && `trained ${regime}`, date?.slice(0, 10)].filter((fact) => fact !== undefined);
  return `<header>
<p class="eyebrow">${facts.map(escapeHtml).join(' · ')}</p>
<h1>${unbroken(escapeHtml(title))}</h1>
<ul class="verdict">${sentences.join('')}</ul>
</header>`;
}

function summary({ models, epsilons }: Evaluation): string {
  const figure = (label: string, proportion: Accuracy): string =>
    `<dt>${label}</dt><dd><strong>${percent(proportion.accuracy)}</strong><small>${percentRange(proportion.ci95)}</small></dd>`;
  const cards = models.map((model, index) => {
    const worst = epsilons
      .filter((epsilon) => Object.hasOwn(model.worstCase, epsilon))
      .map((epsilon) => figure(`worst case, ε = ${epsilon}`, model.worstCase[epsilon]));
    return `<article class="card model-${index}">
<h3>${escapeHtml(modelTitle(model))}</h3>
${size(model)}<dl>${figure('clean', model.clean)}${worst.join('')}</dl>
</article>`;
  });
  return `<section>
<h2>Clean and worst case</h2>
<p class="note">The worst case counts an image as right only when no attack broke it. The small figures are Wilson 95 % intervals.</p>
<div class="cards">${cards.join('\n')}</div>
</section>`;
}

/** What wrote the report. */
function maker({ versions }: Evaluation): string {
  return versions === undefined ? 'kwta' : `kwta ${versions.kwta}`;
}

function size({ parameters, trainSeconds }: ModelResult): string {
  const facts = [
    parameters !== undefined && `${count(parameters)} parameters`,
    trainSeconds !== undefined && `trained in ${duration(trainSeconds)}`,
  ].filter((fact) => fact !== false);
  return facts.length === 0 ? '' : `<p class="size">${facts.join(', ')}</p>\n`;
}

/** What the radius bounds. */
const BALL = {
  linf: 'No pixel moves by more than ε on a scale from 0 to 1.',
  l2: 'The Euclidean length of all changes is at most ε; pixels lie on a scale from 0 to 1.',
  l1: 'All changes together are at most ε; pixels lie on a scale from 0 to 1.',
  l0: 'At most ε values of an image change, from 0 to 1 as they like; a pixel has one value for each channel.',
} satisfies Record<NonNullable<Evaluation['norm']>, string>;

function comparison(result: Evaluation): string {
  const plots = result.epsilons.map(
    (epsilon) => `<figure><figcaption>ε = ${epsilon}</figcaption>${dotPlot(result, epsilon)}</figure>`,
  );
  return `<section>
<h2>What each attack leaves</h2>
<p class="note">Accuracy on attacked images; further left means that the attack is stronger. Lines show Wilson 95 % intervals.
${BALL[result.norm ?? 'linf']}</p>
${key(result.models)}
<div class="panels">${plots.join('\n')}</div>
${differences(result)}
</section>`;
}

function security({ models, norm }: Evaluation): string {
  const known = models.filter(({ curve }) => curve !== undefined);
  if (known.length === 0) return '';
  const tried = [...new Set(known.map(({ curve }) => curve?.attack))].map((attack) => escapeHtml(attack ?? ''));
  return `<section>
<h2>Security curves</h2>
<p class="note">Accuracy in the worst case as the radius grows, with Wilson 95 % intervals. Beyond the radii of the attacks above:
${list(tried)}.</p>
${key(models)}
<figure class="wide">${securityCurves(models, norm)}</figure>
</section>`;
}

function key(models: ModelResult[]): string {
  return `<ul class="key">${models.map((model, i) => `<li class="model-${i}">${escapeHtml(modelTitle(model))}</li>`).join('')}</ul>`;
}

function training({ models, regime }: Evaluation): string {
  if (models.every(({ history = [] }) => history.length === 0)) return '';
  return `<section>
<h2>Training</h2>
<p class="note">${regime === undefined ? '' : `On the images as trained on: ${escapeHtml(regime)}. `}Neighbouring steps are averaged.</p>
${key(models)}
<div class="panels two">
<figure><figcaption>Loss</figcaption>${curves(models, 'loss')}</figure>
<figure><figcaption>Accuracy</figcaption>${curves(models, 'accuracy')}</figure>
</div>
</section>`;
}

function examples({ models, examples: all = [], classNames }: Evaluation): string {
  if (all.length === 0) return '';
  const groups = models.map((model) => {
    const own = all
      .filter((example) => example.model === model.name)
      .map((example) => exampleFigure(example, classNames));
    return own.length === 0
      ? ''
      : `<h3>${escapeHtml(modelTitle(model))}</h3><div class="examples">${own.join('\n')}</div>`;
  });
  return `<section>
<h2>Examples</h2>
<p class="note">Original, perturbation and attacked image. The perturbation is amplified: grey means no change, black and white mean −ε and +ε.</p>
${groups.join('\n')}
</section>`;
}

function exampleFigure(example: Example, classNames: string[] | undefined): string {
  const { attack, epsilon, sample, label, cleanPrediction, adversarialPrediction, shape, original, adversarial } =
    example;
  const amplified = original.map((pixel, i) => 0.5 + (adversarial[i] - pixel) / (2 * epsilon));
  const name = (index: number): string => classNames?.[index] ?? `class ${index}`;
  const panel = (caption: string, alt: string, pixels: number[]): string =>
    `<div><img src="${pngUri(shape, pixels)}" width="${shape[2]}" height="${shape[1]}" alt="${escapeHtml(alt)}">${caption}</div>`;
  const before = `seen as ${name(cleanPrediction)}`;
  const outcome =
    adversarialPrediction === cleanPrediction
      ? `${before} before and after`
      : `${before}, then as ${name(adversarialPrediction)}`;
  return `<figure class="example">
<div class="triple">${panel('original', `Sample ${sample}: ${name(label)}`, original)}${panel(
    'perturbation',
    `What ${attack} changed in it`,
    amplified,
  )}${panel('attacked', `Sample ${sample} attacked: seen as ${name(adversarialPrediction)}`, adversarial)}</div>
<p><strong>${escapeHtml(name(label))}</strong>, ${escapeHtml(outcome)}</p>
<p class="how">${escapeHtml(attack)}, ε = ${epsilon}</p>
</figure>`;
}

const GRADIENT_WORDS = {
  exact: 'Follows the gradient of the attacked model.',
  surrogate: 'Follows the gradient of a smoother relative of the attacked model.',
  estimated: 'Estimates a gradient from outputs.',
  search: 'Compares outputs at points it tries; follows no gradient.',
  decisions: 'Sees which class is given, and nothing else of the outputs.',
  none: 'Follows nothing.',
  transfer: 'Follows the gradient of another model.',
  several: 'Several attacks, one after another on what the ones before left.',
} satisfies Record<AttackReport['gradient'], string>;

function attacks({ models }: Evaluation): string {
  const all = models.flatMap((model) => model.attacks);
  const kinds = new Map(all.map((attack) => [attack.name, attack]));
  const described = [...kinds.values()].map(
    (attack) =>
      `<dt>${escapeHtml(attack.name)}</dt><dd>${escapeHtml(attack.description ?? '')} ${GRADIENT_WORDS[attack.gradient]}</dd>`,
  );
  const warnings = models.flatMap((model) =>
    model.attacks.flatMap((attack) =>
      attack.warnings.map((warning) => `${attack.name} on ${modelTitle(model)}, ε = ${attack.epsilon}: ${warning}`),
    ),
  );
  const warningList =
    warnings.length === 0
      ? ''
      : `<h3>Warnings</h3><ul class="warnings">${warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`).join('')}</ul>`;
  return `<section>
<h2>The attacks</h2>
<dl class="about">${described.join('')}</dl>
${warningList}
</section>`;
}

function facts(result: Evaluation): string {
  const { runtime, versions, samples, trainImages, epochs, models, epsilons, seconds } = result;
  const images = [
    trainImages !== undefined && `${count(trainImages)} images trained on`,
    `${count(samples)} attacked`,
  ].filter((text) => text !== false);
  const training = [result.regime, epochs && `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`].filter(Boolean);
  const known = ({ parameters }: ModelResult): string =>
    parameters === undefined ? '' : ` with ${count(parameters)} parameters`;
  const hashes = models.flatMap((model): [string, string | undefined][] =>
    model.weights === undefined ? [] : [[`Weights of ${modelTitle(model)}`, `SHA-256 ${model.weights}`]],
  );
  const entries: [string, string | undefined][] = [
    ['Dataset', `${result.dataset}: ${images.join(', ')}`],
    ['Chosen because', result.datasetReason],
    ['Training', training.length > 0 ? training.join(', ') : undefined],
    ['Models', list(models.map((model) => modelTitle(model) + known(model)))],
    ...hashes,
    ['Images', result.dataHash && `SHA-256 ${result.dataHash}`],
    ['Attacks', result.preset === undefined ? undefined : (result.preset ?? 'a list of its own')],
    ['Strengths', list(epsilons.map((epsilon) => `ε = ${epsilon}`)) + (result.norm ? ` (${result.norm})` : '')],
    ['Queries', result.maxQueries ? `at most ${count(result.maxQueries)} an image and ε` : undefined],
    ['Seed', result.seed?.toString()],
    ['Runtime', runtime && `${runtime.variant}, ${runtime.threads} ${runtime.threads === 1 ? 'thread' : 'threads'}`],
    ['Versions', versions && `kwta ${versions.kwta}, ${versions.platform}`],
    ['Date', result.date && result.date + (seconds === undefined ? '' : `, ${duration(seconds)} in all`)],
  ];
  return `<section>
<h2>The run</h2>
${factList(entries)}
</section>`;
}
