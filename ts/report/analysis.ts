/** What was seen inside models as one HTML file: models side by side, everything inline. */
import type { Jumps } from '../analysis/jumps.js';
import type { Landscape } from '../analysis/landscape.js';
import type { LinearRegions } from '../analysis/linearRegions.js';
import type { PatternChange } from '../analysis/patternChange.js';
import { changeCurves, heatMap, jumpSticks, lengthCurves, type Trace, traceCurve } from './analysisCharts.js';
import { largest } from './curves.js';
import { count, duration, escapeHtml, list } from './format.js';
import { factList, renderPage, unbroken } from './page.js';

/** What was seen inside one model. */
export interface AnalysedModel {
  name: string;
  /** From the shown image to what an attack makes of it, and the logit of its class on the way. */
  jumps: Jumps;
  trace: Trace;
  /** Between images. */
  regions: LinearRegions;
  /** What layers choose, under noise and on the way to attacked images. */
  noise: PatternChange;
  adversarial: PatternChange;
  /** Around the shown image. */
  landscape: Landscape;
}

/** A run of `kwta analyse`, plain JSON. */
export interface Analysis {
  schema: 1;
  dataset: string;
  samples: number;
  /** Segments between images. */
  segments: number;
  /** Number of the image that jumps and planes are shown of, and its class. */
  shown: number;
  label: string;
  /** Radius of the attack, L-inf, and half the width of the planes. */
  epsilon: number;
  seed: number;
  models: AnalysedModel[];
  versions: { kwta: string; platform: string };
  runtime: { variant: string; threads: number };
  date: string;
  seconds: number;
}

/** The page as the text of an HTML file. */
export function renderAnalysis(analysis: Analysis): string {
  const title = headline(analysis);
  return renderPage({
    title,
    maker: `kwta ${analysis.versions.kwta}`,
    sections: [header(analysis, title), ...analysisSections(analysis), facts(analysis)],
  });
}

/** The pictures of the page, to stand in another one, too. */
export function analysisSections(analysis: Analysis): string[] {
  return [steps(analysis), regions(analysis), patterns(analysis), planes(analysis)];
}

function headline({ models }: Analysis): string {
  const parts = models.map((model) => {
    const { jumps } = tally(model.jumps);
    return `${model.name} ${jumps === 0 ? 'never jumps' : `jumps ${times(jumps)}`}`;
  });
  return `On the way to an attacked image, ${list(parts)}`;
}

function times(n: number): string {
  return n === 1 ? 'once' : `${count(n)} times`;
}

/** One sentence for each model; the same that the command prints. */
export function analysisVerdict({ models }: Analysis): string[] {
  return models.map((model) => {
    const { jumps, kinks } = tally(model.jumps);
    const { regions } = model;
    const most =
      regions.heights === undefined ? '' : `, half of the jumps are higher than ${short(regions.heights.median)}`;
    return (
      `${model.name}: ${count(jumps)} jumps and ${count(kinks)} kinks on the way to the attacked image; between images ` +
      `${count(regions.density)} linear regions per unit of distance, half of them shorter than ${short(regions.lengths.median)}${most}.`
    );
  });
}

function tally({ events }: Jumps): { jumps: number; kinks: number } {
  const jumps = events.filter(({ height }) => height > 0).length;
  return { jumps, kinks: events.length - jumps };
}

function short(value: number): string {
  return value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4)
    ? String(Number(value.toPrecision(2)))
    : value.toExponential(1);
}

function header(analysis: Analysis, title: string): string {
  const { dataset, samples, date } = analysis;
  const sentences = analysisVerdict(analysis).map((sentence) => `<li>${unbroken(escapeHtml(sentence))}</li>`);
  return `<header>
<p class="eyebrow">${[dataset, `${count(samples)} images`, date.slice(0, 10)].map(escapeHtml).join(' · ')}</p>
<h1>${unbroken(escapeHtml(title))}</h1>
<ul class="verdict">${sentences.join('')}</ul>
</header>`;
}

/** A figure for each model, side by side. */
function sideBySide(
  models: readonly AnalysedModel[],
  draw: (model: AnalysedModel, index: number) => string,
  caption = ({ name }: AnalysedModel): string => name,
): string {
  const figures = models.map(
    (model, i) =>
      `<figure class="solo"><figcaption>${escapeHtml(caption(model))}</figcaption>${draw(model, i)}</figure>`,
  );
  return `<div class="panels two">${figures.join('\n')}</div>`;
}

function steps({ models, epsilon, shown, label }: Analysis): string {
  const cut = models.filter(({ jumps }) => !jumps.complete).map(({ name }) => name);
  const cutNote = cut.length === 0 ? '' : ` Of ${escapeHtml(list(cut))} only the first jumps are shown.`;
  return `<section>
<h2>One step of an attack</h2>
<p class="note">The straight way from image ${shown} (${escapeHtml(label)}) to what PGD makes of it for each model (L∞, ε = ${epsilon}). Between two
changes of what its layers choose, a network is affine.</p>
<h3>Logit of the true class</h3>
${sideBySide(models, (model, i) =>
  traceCurve(
    model.name,
    i,
    model.trace,
    models.map(({ trace }) => trace),
  ),
)}
<h3>Heights of the jumps</h3>
<p class="note">The largest change of a logit at each place where k-WTA takes other winners, on a logarithmic scale. Where only a ReLU or
a maximum changes, the logits have a kink and do not jump.${cutNote}</p>
${sideBySide(
  models,
  (model, i) =>
    jumpSticks(
      model.name,
      i,
      model.jumps,
      models.map(({ jumps }) => jumps),
    ),
  ({ name, jumps: found }) => {
    const { jumps, kinks } = tally(found);
    return `${name}: ${count(jumps)} jumps, ${count(kinks)} kinks`;
  },
)}
</section>`;
}

function regions({ models, segments }: Analysis): string {
  const names = models.map(({ name }) => name);
  const row = (model: AnalysedModel, i: number): string => {
    const { density, lengths, heights, segments: parts } = model.regions;
    const sum = (key: 'regions' | 'jumps' | 'kinks'): string =>
      count(parts.reduce((total, part) => total + part[key], 0));
    const cells = [
      sum('regions'),
      sum('jumps'),
      sum('kinks'),
      count(density),
      short(lengths.median),
      short(lengths.most),
      heights === undefined ? '–' : short(heights.median),
      heights === undefined ? '–' : short(heights.most),
    ];
    return `<tr><th scope="row">${escapeHtml(names[i])}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  };
  const heads = [
    'Model',
    'Regions',
    'Jumps',
    'Kinks',
    'Regions per unit',
    'Median length',
    'Longest',
    'Median height',
    'Highest',
  ];
  const cut = models.some(({ regions: { segments: parts } }) => parts.some(({ complete }) => !complete));
  return `<section>
<h2>Linear regions</h2>
<p class="note">Of ${count(segments)} straight ways between images${cut ? ', as far as they were followed' : ''}. Lengths are Euclidean, pixels lie on a scale from 0 to 1; heights are
the largest change of a logit.</p>
<ul class="key">${names.map((name, i) => `<li class="model-${i}">${escapeHtml(name)}</li>`).join('')}</ul>
<figure class="wide"><figcaption>Share of the regions that are shorter</figcaption>${lengthCurves(
    names,
    models.map((model) => model.regions),
  )}</figure>
<div class="scroll"><table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead>
<tbody>${models.map(row).join('')}</tbody></table></div>
</section>`;
}

function patterns({ models, epsilon, samples }: Analysis): string {
  const ceilingOf = (which: 'noise' | 'adversarial'): number =>
    largest(models, (model) => largest(model[which].layers, ({ share }) => largest(share, (value) => value)));
  const panel = (which: 'noise' | 'adversarial') =>
    sideBySide(models, (model) => {
      const keys = model[which].layers.map(
        ({ layer, kind }, i) => `<li class="model-${i % 6}">${escapeHtml(layer)} (${KINDS[kind]})</li>`,
      );
      return `${changeCurves(model.name, model[which], ceilingOf(which))}<ul class="key small">${keys.join('')}</ul>`;
    });
  return `<section>
<h2>What changes with the distance</h2>
<p class="note">Of the winners (k-WTA), open units (ReLU) or maxima (windows) at an image, the share that is none any more, by layer in
the order of computation; means of ${count(samples)} images.</p>
<h3>Under Gaussian noise</h3>
${panel('noise')}
<h3>On the way to the attacked image (PGD, L∞, ε = ${epsilon})</h3>
${panel('adversarial')}
</section>`;
}

const KINDS = { kwta: 'k-WTA', relu: 'ReLU', maxPool: 'maximum' } satisfies Record<
  PatternChange['layers'][number]['kind'],
  string
>;

function planes({ models, epsilon, shown }: Analysis): string {
  const all = models.flatMap(({ landscape }) => landscape.losses.flat());
  const low = -largest(all, (value) => -value);
  const high = largest(all, (value) => value);
  return `<section>
<h2>The loss around an image</h2>
<p class="note">Cross entropy on a plane through image ${shown}, as far as ε = ${epsilon} in each pixel: the stronger the colour, the higher, on one scale from
${short(low)} to ${short(high)} for all. A line surrounds what is taken for another class. Where the gradient tells the truth, the loss grows from left to right.</p>
${sideBySide(models, (model) => heatMap(model.name, model.landscape, low, high))}
</section>`;
}

function facts({
  dataset,
  samples,
  segments,
  epsilon,
  seed,
  models,
  versions,
  runtime,
  date,
  seconds,
}: Analysis): string {
  const resolution = largest(models, ({ jumps }) => jumps.resolution);
  return `<section>
<h2>The run</h2>
${factList([
  ['Dataset', `${dataset}: ${count(samples)} images, ${count(segments)} segments`],
  ['Models', list(models.map(({ name }) => name))],
  ['Attack', `PGD, L∞, ε = ${epsilon}`],
  [
    'Resolution',
    `changes on the way to the attacked image that are nearer than ${short(resolution)} of it may be counted as one`,
  ],
  ['Seed', String(seed)],
  ['Runtime', `${runtime.variant}, ${runtime.threads} ${runtime.threads === 1 ? 'thread' : 'threads'}`],
  ['Versions', `kwta ${versions.kwta}, ${versions.platform}`],
  ['Date', `${date}, ${duration(seconds)} in all`],
])}
</section>`;
}
