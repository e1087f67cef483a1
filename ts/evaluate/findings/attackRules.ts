/** What an attack's own course says about its figures: each rule looks at one attack at one epsilon. */
import { notNumbers } from '../../attacks/core/observed.js';
import type { AttackSpec } from '../../attacks/table.js';
import type { AttackReport, Finding } from '../report.js';

/** More than this share of the samples is no accident; and fewer of them than that may be one. */
const many = 0.25;
const few = 3;

/** A finding about this attack. */
function finding(
  code: Finding['code'],
  severity: Finding['severity'],
  { name, epsilon }: AttackReport,
  message: string,
  evidence: Finding['evidence'],
): Finding {
  return {
    code,
    severity,
    message: `${name} at epsilon ${epsilon}: ${message}`,
    evidence: { attack: name, epsilon, ...evidence },
  };
}

/** So many samples, in words. */
const some = (count: number): string => `${count} ${count === 1 ? 'sample' : 'samples'}`;

/** @param random whether the model answers at random. */
type Rule = (row: AttackReport, spec: AttackSpec, random: boolean) => Finding[];

const gradients: Rule = (row) => {
  const { gradients, zero, tiny, blind, faint } = row.diagnostics;
  const found: Finding[] = [];
  if (blind > 0 || zero > gradients / 10) {
    const message = `the gradient was zero for ${zero} of ${gradients} queries, and for ${some(blind)} always`;
    found.push(finding('zero-gradient', 'warning', row, message, { gradients, zero, blind }));
  }
  if (faint > blind || tiny > gradients / 10) {
    const message = `the gradient was too small to lead anywhere for ${tiny} of ${gradients} queries`;
    found.push(finding('vanishing-gradient', 'warning', row, message, { gradients, tiny, faint }));
  }
  return found;
};

/** Who could not be attacked. */
export function failed({ reason, samples }: AttackReport['failures'][number]) {
  return {
    code: reason === notNumbers ? 'not-a-number' : 'not-attacked',
    message: `${some(samples.length)} could not be attacked, not to be taken for robust: ${reason}`,
    evidence: { samples: samples.length, reason },
  } as const;
}

const failures: Rule = (row) =>
  row.failures.map((failure) => {
    const { code, message, evidence } = failed(failure);
    return finding(code, 'failure', row, message, evidence);
  });

const notRising: Rule = (row) => {
  const { followed, notRising } = row.diagnostics;
  // In a ball without a radius nothing moves.
  if (row.epsilon === 0 || notRising < few || notRising <= many * followed) return [];
  const message = `along the gradient the loss never rose above its first value for ${notRising} of ${some(followed)}`;
  return [finding('loss-not-rising', 'warning', row, message, { followed, notRising })];
};

const unfinished: Rule = (row) => {
  const { long, unfinished } = row.diagnostics;
  if (row.epsilon === 0 || unfinished < few || unfinished <= many * long) return [];
  const message =
    `the last ten gradients still won more than 5 % of all that was won for ${unfinished} of ${some(long)} that it ` +
    'did not break: more steps would win more';
  return [finding('incomplete-optimisation', 'warning', row, message, { long, unfinished })];
};

const silent: Rule = (row, _, random) => {
  const { silent } = row.diagnostics;
  if (silent === 0) return [];
  const message = random
    ? `for ${some(silent)} the model was once wrong at a point inside the ball that it asked for, and right at the one that ` +
      'it returned, by most of its answers: at random, or because a better point was passed'
    : `for ${some(silent)} it passed an adversarial point inside the ball and returned another`;
  return [finding('silent-success', 'warning', row, message, { silent })];
};

const shortSteps: Rule = (row, spec) =>
  stepsIn(spec).flatMap(({ type, steps, stepSize }) => {
    if (steps * stepSize >= row.epsilon) return [];
    const message = `${steps} steps of ${stepSize} (${type}) cannot cross the ball; is stepSize in pixels?`;
    return [finding('short-steps', 'warning', row, message, { steps, stepSize })];
  });

/** The steps of an attack and those inside it, where their size is given. */
function stepsIn(spec: AttackSpec): { type: string; steps: number; stepSize: number }[] {
  const { type, steps, stepSize, attack } = spec as { type: string } & Record<string, unknown>;
  const own = typeof steps === 'number' && typeof stepSize === 'number' ? [{ type, steps, stepSize }] : [];
  return [...own, ...(attack === undefined ? [] : stepsIn(attack as AttackSpec))];
}

const rules: readonly Rule[] = [failures, gradients, notRising, unfinished, silent, shortSteps];

/** All that is to be said of an attack by itself. @param random whether the model answers at random. */
export function judgeAttack(row: AttackReport, spec: AttackSpec, random: boolean): Finding[] {
  return rules.flatMap((rule) => rule(row, spec, random));
}
