/**
 * What a run's figures say, in plain sentences. Every sentence is decided by the figures and quotes them; where a
 * difference may be chance, the sentence says so.
 */
import { mcnemar } from '../evaluate/statistics.js';
import { list, modelTitle, percent } from './format.js';
import type { AttackResult, DemoResult, ModelResult } from './result.js';

/** A difference is called real when chance alone would give it less often than this. */
const SIGNIFICANCE = 0.05;

/** The verdict: one sentence a finding. */
export function verdict(result: DemoResult): string[] {
  return [
    ...result.models.filter(collapsed).map(collapseSentence),
    ...gradientFindings(result).map(gradientSentence),
    ...comparisons(result).map(comparisonSentence),
  ];
}

/** The verdict in a few words. */
export function headline(result: DemoResult): string {
  const broken = result.models.filter(collapsed);
  if (broken.length > 0) return `${list(broken.map(modelTitle))} did not learn`;
  const hiding = gradientFindings(result).filter((finding) => finding.significant);
  if (hiding.length > 0) {
    const models = list([...new Set(hiding.map((finding) => modelTitle(finding.model)))]);
    return `${models}: the gradient is hidden, not the weakness`;
  }
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
  return new Set(model.clean.predictions).size === 1;
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

function comparisons({ models, epsilons }: DemoResult): Comparison[] {
  return epsilons.flatMap((epsilon) => {
    const ranked = models
      .filter((model) => Object.hasOwn(model.worstCase, epsilon))
      .sort((a, b) => b.worstCase[epsilon].accuracy - a.worstCase[epsilon].accuracy);
    if (ranked.length < 2) return [];
    const [first, second] = ranked.map((model) => unbroken(model, epsilon));
    return [{ epsilon, ranked, significant: differ(first, second) }];
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

/** An attack without the model's gradient that breaks more than the best one with it, on the same samples. */
interface GradientFinding {
  model: ModelResult;
  epsilon: number;
  samples: number;
  /** The strongest attack of each kind, and the accuracy it leaves. */
  exact: { attack: AttackResult; accuracy: number };
  other: { attack: AttackResult; accuracy: number };
  significant: boolean;
}

function gradientFindings({ models, epsilons }: DemoResult): GradientFinding[] {
  return models.flatMap((model) => epsilons.flatMap((epsilon) => gradientFinding(model, epsilon) ?? []));
}

function gradientFinding(model: ModelResult, epsilon: number): GradientFinding | undefined {
  const here = model.attacks.filter((attack) => attack.epsilon === epsilon);
  const samples = Math.min(...here.map((attack) => attack.total));
  const graded = here
    .map((attack) => ({ attack, robust: attack.survived.slice(0, samples) }))
    .map(({ attack, robust }) => ({ attack, robust, accuracy: robust.filter(Boolean).length / samples }))
    .sort((a, b) => a.accuracy - b.accuracy || a.attack.accuracy - b.attack.accuracy);
  const exact = graded.find(({ attack }) => attack.gradient === 'exact');
  const other = graded.find(({ attack }) => attack.gradient !== 'exact');
  if (exact === undefined || other === undefined || other.accuracy >= exact.accuracy) return undefined;
  return { model, epsilon, samples, exact, other, significant: differ(exact.robust, other.robust) };
}

function gradientSentence({ model, epsilon, samples, exact, other, significant }: GradientFinding): string {
  const partial = exact.attack.total !== samples || other.attack.total !== samples;
  const where = partial ? ` on the ${samples} images that every attack saw` : '';
  const figures =
    `At ε = ${epsilon}${where}, ${other.attack.name} brings ${modelTitle(model)} to ${percent(other.accuracy)} ` +
    `without its gradient; ${exact.attack.name}, which follows it, to ${percent(exact.accuracy)}`;
  return significant
    ? `${figures}: the gradient is hidden, not the weakness.`
    : `${figures}. On ${samples} images that difference may be chance.`;
}

/** By sample: no attack broke it. Only of samples that every attack saw. */
function unbroken(model: ModelResult, epsilon: number): boolean[] {
  const here = model.attacks.filter((attack) => attack.epsilon === epsilon);
  const samples = Math.min(...here.map((attack) => attack.total));
  return Array.from({ length: samples }, (_, i) => here.every(({ survived }) => survived[i]));
}

/** Whether two series over the same samples differ by more than chance. */
function differ(first: boolean[], second: boolean[]): boolean {
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let i = 0; i < Math.min(first.length, second.length); i++) {
    if (first[i] && !second[i]) onlyFirst++;
    if (second[i] && !first[i]) onlySecond++;
  }
  return mcnemar(onlyFirst, onlySecond) < SIGNIFICANCE;
}
