/**
 * What a run's figures say, in plain sentences. Every sentence is decided by the figures and quotes them; where a
 * difference may be chance, the sentence says so.
 */
import { differ, type HiddenGradient, hiddenGradients, isConstant, significance } from '../evaluate/findings.js';
import { list, modelTitle, percent } from './format.js';
import type { DescribedAttack, Evaluation, ModelResult } from './result.js';

/** The verdict: what nobody judged yet, and how the models compare. */
export function verdict(result: Evaluation): string[] {
  return [
    ...result.models.filter(collapsed).map(collapseSentence),
    ...gradientFindings(result).map(gradientSentence),
    ...comparisons(result).map(comparisonSentence),
  ];
}

/** The verdict in a few words. */
export function headline(result: Evaluation): string {
  const broken = result.models.filter(collapsed);
  if (broken.length > 0) return `${list(broken.map(modelTitle))} did not learn`;
  const hiding = result.models.filter((model) => hidesGradient(model, result));
  if (hiding.length > 0) return `${list(hiding.map(modelTitle))}: the gradient is hidden, not the weakness`;
  const all = comparisons(result);
  const clear = all.filter(({ significant }) => significant);
  if (clear.length === 0) {
    return all.length > 0
      ? 'No clear difference between the models'
      : `How robust is ${list(result.models.map(modelTitle))}?`;
  }
  const [winner] = clear[0].ranked;
  if (clear.some(({ ranked }) => ranked[0] !== winner)) return 'Which model is more robust depends on ε';
  const where = clear.length < all.length ? ` at ε = ${list(clear.map(({ epsilon }) => String(epsilon)))}` : '';
  return `${modelTitle(winner)} is the more robust${where}`;
}

/** A model that sees the same class in every image. */
function collapsed(model: ModelResult): boolean {
  return isConstant(model.clean.predictions);
}

function collapseSentence(model: ModelResult): string {
  return `${modelTitle(model)} sees the same class in every image: it has not learned, and its figures mean nothing.`;
}

/** The models in the order of their worst case at one epsilon. */
interface Comparison {
  epsilon: number;
  ranked: ModelResult[];
  /** The first differs from the second by more than chance. */
  significant: boolean;
}

function comparisons({ models, epsilons, pairs }: Evaluation): Comparison[] {
  return epsilons.flatMap((epsilon) => {
    const ranked = models
      .filter((model) => Object.hasOwn(model.worstCase, epsilon))
      .sort((a, b) => b.worstCase[epsilon].accuracy - a.worstCase[epsilon].accuracy);
    if (ranked.length < 2) return [];
    const names = ranked.slice(0, 2).map(({ name }) => name);
    const pair = pairs?.find(
      (each) =>
        each.attack === undefined &&
        each.epsilon === epsilon &&
        names.includes(each.first) &&
        names.includes(each.second),
    );
    const [first, second] = ranked.map((model) => unbroken(model, epsilon));
    return [{ epsilon, ranked, significant: pair === undefined ? differ(first, second) : pair.p < significance }];
  });
}

function comparisonSentence({ epsilon, ranked, significant }: Comparison): string {
  const figures = ranked.map((model) => `${modelTitle(model)} ${percent(model.worstCase[epsilon].accuracy)}`);
  const [first, second] = ranked.map((model) => model.worstCase[epsilon]);
  let conclusion = `On ${first.total} images that difference may be chance.`;
  if (significant) conclusion = `${modelTitle(ranked[0])} is the more robust.`;
  else if (first.accuracy === second.accuracy) conclusion = 'There is no difference.';
  return `Worst case over all attacks at ε = ${epsilon}: ${list(figures)}. ${conclusion}`;
}

/** Whether somebody judged so, or the figures say so where nobody judged. */
function hidesGradient(model: ModelResult, result: Evaluation): boolean {
  if (model.findings !== undefined) return model.findings.some(({ code }) => code === 'hidden-gradient');
  return gradientFindings(result).some((finding) => finding.model === model && finding.significant);
}

/** The strongest attack without a model's gradient at one epsilon, where it breaks more than those with it. */
interface GradientFinding extends HiddenGradient<DescribedAttack> {
  model: ModelResult;
}

function gradientFindings({ models, epsilons }: Evaluation): GradientFinding[] {
  return models.flatMap((model) =>
    // Where somebody judged, the findings say it.
    (model.findings === undefined ? epsilons : []).flatMap((epsilon) =>
      hiddenGradients(model.attacks, epsilon)
        .slice(0, 1)
        .map((found) => ({ model, ...found })),
    ),
  );
}

function gradientSentence({ model, epsilon, samples, exact, other, significant }: GradientFinding): string {
  const partial = exact.attack.total !== samples || other.attack.total !== samples;
  const where = partial ? ` on the ${samples} images that every attack saw` : '';
  const figures =
    `At ε = ${epsilon}${where}, ${other.attack.name} brings ${modelTitle(model)} to ${percent(other.right / samples)} ` +
    `without its gradient; ${exact.attack.name}, which follows it, to ${percent(exact.right / samples)}`;
  return significant
    ? `${figures}: the gradient is hidden, not the weakness.`
    : `${figures}. On ${samples} images that difference may be chance.`;
}

/** By sample: no attack broke it at this radius or a smaller one. Only of samples that every attack saw. */
function unbroken(model: ModelResult, epsilon: number): boolean[] {
  const within = model.attacks.filter((attack) => attack.epsilon <= epsilon);
  const samples = Math.min(...within.map((attack) => attack.total));
  return Array.from({ length: samples }, (_, i) => within.every(({ survived }) => survived[i]));
}
