/** What a model's figures say together: its answers, its probes, and its attacks beside each other. */
import type { AttackSpec } from '../../attacks/table.js';
import { comparable, differ, hiddenGradients, isConstant, significance } from '../findings.js';
import type { Plan } from '../plan.js';
import { weakPresets } from '../presets.js';
import type { Accuracy, AttackReport, Finding, ModelReport } from '../report.js';
import { failed } from './attackRules.js';

/** A model's report before it is judged. */
export type Unjudged = Omit<ModelReport, 'name'>;

/** What it is a report of. */
export interface Evaluated {
  labels: readonly number[];
  plan: Pick<Plan, 'preset' | 'attacks' | 'epsilons' | 'maxQueries'>;
}

/** A finding, and the attacks that it is about. */
export interface Said {
  finding: Finding;
  about: readonly AttackReport[];
}

type Rule = (model: Unjudged, evaluated: Evaluated) => Said[];

const said = (finding: Finding, about: readonly AttackReport[] = []): Said[] => [{ finding, about }];

/** A model that always answers alike cannot be broken, and is worthless, unless there is nothing else to answer. */
const constant: Rule = ({ clean: { predictions } }, { labels }) => {
  if (!isConstant(predictions)) return [];
  return said({
    code: 'constant-model',
    severity: isConstant(labels) ? 'note' : 'failure',
    message: `the model answers ${predictions[0]} to every sample`,
    evidence: { answer: predictions[0], samples: predictions.length },
  });
};

const hiddenGradient: Rule = ({ attacks }, { plan: { epsilons } }) =>
  epsilons
    .flatMap((epsilon) => hiddenGradients(attacks, epsilon))
    .filter(({ significant }) => significant)
    .map(({ epsilon, samples, exact, other }) => ({
      finding: {
        code: 'hidden-gradient',
        severity: 'warning',
        message:
          `${other.attack.name} breaks ${exact.right - other.right} samples more than ${exact.attack.name} at epsilon ` +
          `${epsilon} without the true gradient: the gradient is hidden, not the weakness`,
        evidence: {
          epsilon,
          samples,
          exact: exact.attack.name,
          leftByExact: exact.right,
          other: other.attack.name,
          leftByOther: other.right,
        },
      },
      about: [other.attack],
    }));

/** The attack that leaves least; the first among equals. */
function strongest(attacks: readonly AttackReport[]): AttackReport | undefined {
  return attacks.reduce<AttackReport | undefined>(
    (best, attack) => (best === undefined || attack.correct < best.correct ? attack : best),
    undefined,
  );
}

const transfer: Rule = ({ attacks }, { plan: { epsilons } }) =>
  epsilons.flatMap((epsilon) => {
    const here = comparable(attacks, epsilon);
    const direct = strongest(here.filter(({ gradient }) => gradient !== 'transfer'));
    if (direct === undefined) return [];
    const better = here.filter(
      (attack) =>
        attack.gradient === 'transfer' && attack.correct < direct.correct && differ(attack.survived, direct.survived),
    );
    return better.map((attack) => ({
      finding: {
        code: 'transfer-beats-direct' as const,
        severity: 'warning' as const,
        message:
          `${attack.name}, made on another model, breaks ${direct.correct - attack.correct} samples more at epsilon ` +
          `${epsilon} than ${direct.name}, the strongest attack on the model itself: attacks on it are misled`,
        evidence: {
          epsilon,
          transfer: attack.name,
          leftByTransfer: attack.correct,
          direct: direct.name,
          leftByDirect: direct.correct,
        },
      },
      about: [attack],
    }));
  });

/** Attacks that walk to the border that a linear picture shows; in a network that jumps there is none such. */
const walkers: readonly AttackSpec['type'][] = ['deepFool', 'fab'];

/**
 * An attack that comes as near as this to the envelope tells what there is to find. One inside balls cannot come much nearer
 * where others find closer adversarials inside smaller ones.
 */
const near = 1 / 4;

const discontinuous: Rule = ({ attacks, envelope }, { plan }) => {
  const compared = envelope.attacks.flatMap(({ name, optimality }) => {
    const rows = attacks.filter((row) => row.name === name);
    const type = plan.attacks.find((planned) => planned.name === name)?.attack.type;
    return optimality === null || type === undefined ? [] : [{ name, optimality, type, rows }];
  });
  const climber = compared
    .filter(({ type, rows: [row] }) => row?.gradient === 'exact' && !walkers.includes(type))
    .reduce<(typeof compared)[number] | undefined>(
      (best, each) => (best === undefined || each.optimality > best.optimality ? each : best),
      undefined,
    );
  // A climber that is itself far behind says nothing about who walks.
  if (climber === undefined || climber.optimality < near) return [];
  const differs = (name: string): boolean =>
    envelope.comparisons.some(
      ({ first, second, p }) =>
        [first, second].includes(name) && [first, second].includes(climber.name) && p < significance,
    );
  return compared
    .filter(
      ({ name, type, optimality }) => walkers.includes(type) && 2 * optimality < climber.optimality && differs(name),
    )
    .map(({ name, optimality, rows }) => ({
      finding: {
        code: 'discontinuous' as const,
        severity: 'note' as const,
        message:
          `${name} stays far behind the closest adversarials of all attacks (optimality ${optimality.toFixed(2)}) where ` +
          `${climber.name} comes near (${climber.optimality.toFixed(2)}): the model jumps, and there is no border to walk to`,
        evidence: {
          walker: name,
          optimalityOfWalker: optimality,
          climber: climber.name,
          optimalityOfClimber: climber.optimality,
          dMax: envelope.dMax,
        },
      },
      about: rows,
    }));
};

/** Neighbours' margins are explained by the gradient by half or more in a model whose gradient can be followed. */
const unstable = 0.5;

const unstableGradient: Rule = ({ probes: { neighbours } }) => {
  const { unexplained, radius } = neighbours;
  const median = [...unexplained].sort((a, b) => a - b)[Math.floor(unexplained.length / 2)];
  if (unexplained.length === 0 || median <= unstable) return [];
  return said({
    code: 'unstable-gradient',
    severity: 'warning',
    message:
      `of how the margin differs among ${neighbours.neighbours} neighbours within ${radius.toFixed(4)}, the gradient leaves ` +
      `${Math.round(100 * Math.min(median, 1))} % unexplained (median of ${unexplained.length} samples): attacks that follow it are misled`,
    evidence: { median, samples: unexplained.length, neighbours: neighbours.neighbours, radius },
  });
};

/** Of the samples, so many may resist by accident. */
const resisting = 0.05;

const unbounded: Rule = ({ probes: { wholeBox }, clean }, { labels }) => {
  const { samples, left } = wholeBox;
  // A model that has no other answer is not to be broken at all.
  const collapsed = isConstant(clean.predictions) && !isConstant(labels);
  if (left <= resisting * samples || collapsed) return [];
  return said({
    code: 'unbounded-attack-fails',
    severity: 'warning',
    message: `PGD leaves ${left} of ${samples} samples right when every pixel may become anything: its gradient does not lead there`,
    evidence: { epsilon: 1, samples, left },
  });
};

const randomised: Rule = ({ probes: { repeated } }) => {
  const { samples, differing, evaluations } = repeated;
  if (differing === 0) return [];
  return said({
    code: 'randomised',
    severity: 'warning',
    message:
      `${differing} of ${samples} samples got other logits when asked again: the majority of ${evaluations} answers counts, ` +
      'and attacks have to average their gradients',
    evidence: { samples, differing, evaluations },
  });
};

const softmax: Rule = ({ probes: { probabilities } }) => {
  const { rows, of } = probabilities;
  if (rows < of) return [];
  return said({
    code: 'softmax-output',
    severity: 'warning',
    message: 'every output lies in [0, 1] and has the sum 1: losses expect logits, not probabilities',
    evidence: { rows },
  });
};

/** Half of a 95 % interval that is wider says little. */
const wide = 0.1;

const fewSamples: Rule = ({ worstCase }) => {
  const widths = Object.entries(worstCase).map(([epsilon, { ci95, total }]) => {
    return { epsilon: Number(epsilon), half: (ci95[1] - ci95[0]) / 2, total };
  });
  const widest = widths.reduce((a, b) => (b.half > a.half ? b : a));
  if (widest.half <= wide) return [];
  return said({
    code: 'few-samples',
    severity: 'note',
    message:
      `${widest.total} samples leave the worst case at epsilon ${widest.epsilon} uncertain by ` +
      `${Math.round(100 * widest.half)} points either way`,
    evidence: { epsilon: widest.epsilon, samples: widest.total, halfWidth: widest.half },
  });
};

const upperBound: Rule = ({ worstCase }, { plan: { preset, maxQueries } }) => {
  const standing = Object.values(worstCase).some(({ correct }: Accuracy) => correct > 0);
  if (!standing) return [];
  const bound = (message: string, evidence: Finding['evidence']): Said[] =>
    said({ code: 'upper-bound', severity: 'note', message, evidence });
  const weak = preset !== null && weakPresets.includes(preset);
  return [
    ...(weak
      ? bound(
          `the worst case of '${preset}' is an upper bound: stronger attacks, as those of 'standard', may leave less`,
          { preset },
        )
      : []),
    ...(maxQueries === undefined
      ? []
      : bound(
          `the worst case is an upper bound: no attack asked more than ${maxQueries} queries of a sample at an epsilon, ` +
            'and more may leave less',
          { maxQueries },
        )),
  ];
};

const curveFailures: Rule = ({ curve }) =>
  (curve?.failures ?? []).flatMap((failure) => {
    const { message, ...rest } = failed(failure);
    return said({ ...rest, severity: 'failure', message: `curve: ${message}` });
  });

const rules: readonly Rule[] = [
  constant,
  randomised,
  softmax,
  hiddenGradient,
  transfer,
  discontinuous,
  unstableGradient,
  unbounded,
  curveFailures,
  fewSamples,
  upperBound,
];

/** All that is to be said of a model as a whole, and of its attacks beside each other. */
export function judgeTogether(model: Unjudged, evaluated: Evaluated): Said[] {
  return rules.flatMap((rule) => rule(model, evaluated));
}
