/** Judges reports: what their figures say, each with its evidence. Nothing else in the package judges. */
import { significance } from '../findings.js';
import type { Finding, PairReport } from '../report.js';
import { judgeAttack } from './attackRules.js';
import { type Evaluated, judgeTogether, type Unjudged } from './modelRules.js';

/**
 * The model's report with its findings, and those of single attacks beside them; whoever reads only warnings finds there
 * what is no mere note.
 */
export function judgeModel(model: Unjudged, evaluated: Evaluated): Unjudged {
  const together = judgeTogether(model, evaluated);
  const constant = together.find(({ finding }) => finding.code === 'constant-model')?.finding;
  const specs = new Map(evaluated.plan.attacks.map(({ name, attack }) => [name, attack]));
  const attacks = model.attacks.map((row) => {
    const spec = specs.get(row.name);
    const own = spec === undefined ? [] : judgeAttack(row, spec, model.probes.repeated.differing > 0);
    const beside = together.filter(({ about }) => about.includes(row)).map(({ finding }) => finding);
    const warnings = [...(constant ? [constant] : []), ...beside.filter(({ severity }) => severity !== 'note')];
    return {
      ...row,
      warnings: [...row.warnings, ...warnings.map(({ message }) => message)],
      findings: [...own, ...beside],
    };
  });
  const single = attacks.flatMap(({ findings }) =>
    findings.filter((each) => !together.some((t) => t.finding === each)),
  );
  return { ...model, attacks, findings: [...together.map(({ finding }) => finding), ...single] };
}

/** What is to be said of comparisons: differences in the worst case that may be chance. */
export function judgePairs(pairs: readonly PairReport[]): Finding[] {
  return pairs
    .filter(({ attack, p, difference }) => attack === undefined && difference !== 0 && p >= significance)
    .map(({ first, second, epsilon, p, difference, ci95 }) => ({
      code: 'difference-may-be-chance',
      severity: 'note',
      message:
        `${first} and ${second} differ by ${(100 * Math.abs(difference)).toFixed(1)} points in the worst case at epsilon ` +
        `${epsilon}, which may be chance (p = ${p.toFixed(2)})`,
      evidence: { first, second, epsilon, p, difference, lower: ci95[0], upper: ci95[1] },
    }));
}
