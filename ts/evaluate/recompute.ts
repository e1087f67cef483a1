/** What follows from a report's own figures, and how two reports differ. */

import { pointsOf } from './curve.js';
import { type AttackFound, envelopeOf, isWithin } from './envelope.js';
import { judgeModel, judgePairs } from './findings/judge.js';
import { pairsOf, unbroken } from './pairs.js';
import type { Plan } from './plan.js';
import type { AttackReport, ComparisonReport, Envelope, ModelReport, RobustnessReport } from './report.js';
import { meanQueries, outcome } from './rows.js';
import { accuracyOf } from './statistics.js';

type Report = RobustnessReport | ComparisonReport;

/** The report that follows from what a report says was measured. Its words on attacks that cannot be derived are kept. */
export function recomputed(report: Report): Report {
  const { labels, epsilons, provenance } = report;
  const plan = {
    epsilons,
    preset: provenance.preset as Plan['preset'],
    attacks: provenance.attacks as Plan['attacks'],
    maxQueries: provenance.maxQueries ?? undefined,
  };
  const model = <M extends Omit<ModelReport, 'name'>>(claimed: M): M => {
    const right = claimed.clean.predictions.map((answer, i) => answer === labels[i]);
    const attacks = claimed.attacks.map((row) => ({
      ...row,
      ...outcome(row.predictions, labels),
      meanQueries: meanQueries(row.queries, row.attacked),
      findings: [],
    }));
    const standing = (epsilon: number): number => unbroken({ attacks }, epsilon, labels.length).filter(Boolean).length;
    const { curve } = claimed;
    const own = {
      ...claimed,
      clean: { ...accuracyOf(right.filter(Boolean).length, labels.length), predictions: claimed.clean.predictions },
      worstCase: Object.fromEntries(epsilons.map((e) => [String(e), accuracyOf(standing(e), labels.length)])),
      attacks,
      envelope: envelopeOf(
        claimed.envelope.attacks.map((attack) => foundBy(attack, attacks, right)),
        right,
        epsilons,
      ),
      ...(curve === undefined
        ? {}
        : {
            curve: {
              ...curve,
              points: pointsOf(
                curve.points.map(({ epsilon }) => epsilon),
                curve.radii,
              ),
            },
          }),
    };
    const judged = judgeModel(own, { labels, plan });
    // Findings say what warnings repeat; what the attack itself said is known from the report alone.
    const rows = judged.attacks.map((row, a) => ({ ...row, warnings: claimed.attacks[a].warnings }));
    return { ...own, attacks: rows, findings: judged.findings };
  };
  if (!('models' in report)) return model(report);
  const models = report.models.map(model);
  const pairs = pairsOf(models, epsilons);
  return { ...report, models, pairs, findings: judgePairs(pairs) };
}

/** What was measured of an attack: distances as they are claimed, where the classes beside them allow it. */
function foundBy(
  { name, scope, family, ...claimed }: Envelope['attacks'][number],
  attacks: readonly AttackReport[],
  right: readonly boolean[],
): AttackFound {
  const rows = attacks.filter((row) => row.name === name);
  const distances = right.map((known, i) => {
    const distance = claimed.distances[i] ?? null;
    if (!known) return 0;
    const broken = rows.filter(({ predictions, survived }) => predictions[i] >= 0 && !survived[i]);
    if (broken.length === 0) return rows.length > 0 && family === 'fixed' ? null : distance;
    const radius = Math.min(...broken.map(({ epsilon }) => epsilon));
    return isWithin(distance, radius) ? distance : radius;
  });
  const { forward, backward } = claimed;
  return { name, scope, family, found: { distances, forward, backward } };
}

/** What depends on the moment, by its key anywhere in a report. */
const momentary = new Set(['seconds', 'date', 'platform', 'threads', 'variant']);

/** Every place where a report is not as it should be, by its path. */
export function differences(claimed: Report, expected: Report): string[] {
  const found: string[] = [];
  const text = (value: unknown): string => {
    const json = JSON.stringify(value) ?? 'nothing';
    return json.length > 80 ? `${json.slice(0, 77)}...` : json;
  };
  const walk = (is: unknown, should: unknown, path: string): void => {
    if (typeof is === 'object' && is !== null && typeof should === 'object' && should !== null) {
      if (Array.isArray(is) && Array.isArray(should)) {
        if (is.length !== should.length) found.push(`${path}.length: expected ${should.length}, got ${is.length}`);
        for (let i = 0; i < Math.min(is.length, should.length); i++) walk(is[i], should[i], `${path}[${i}]`);
        return;
      }
      for (const key of new Set([...Object.keys(should), ...Object.keys(is)])) {
        if (momentary.has(key)) continue;
        walk(
          (is as Record<string, unknown>)[key],
          (should as Record<string, unknown>)[key],
          path === '' ? key : `${path}.${key}`,
        );
      }
      return;
    }
    if (!same(is, should)) found.push(`${path}: expected ${text(should)}, got ${text(is)}`);
  };
  walk(claimed, expected, '');
  return found;
}

/** Equal; fractions up to what platforms round differently. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'number' || typeof b !== 'number' || (Number.isInteger(a) && Number.isInteger(b))) return false;
  return Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
}
