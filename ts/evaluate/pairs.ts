/** Models compared on the same samples. */
import type { AttackReport, ModelReport, PairReport } from './report.js';
import { mcnemar, pairedInterval } from './statistics.js';

/** Each model with each that comes after it, at each epsilon: in the worst case, and by attack. */
export function pairsOf(models: readonly ModelReport[], epsilons: readonly number[]): PairReport[] {
  return models.flatMap((first, m) =>
    models.slice(m + 1).flatMap((second) => epsilons.flatMap((epsilon) => compared(first, second, epsilon))),
  );
}

/** By sample: no attack broke it at this epsilon or at a smaller one, whose ball lies inside. */
export function unbroken(
  { attacks }: { attacks: readonly AttackReport[] },
  epsilon: number,
  samples: number,
): boolean[] {
  const within = attacks.filter((attack) => attack.epsilon <= epsilon);
  return Array.from({ length: samples }, (_, i) => within.every(({ survived }) => survived[i]));
}

function compared(first: ModelReport, second: ModelReport, epsilon: number): PairReport[] {
  const samples = first.clean.predictions.length;
  const pair = (a: readonly boolean[], b: readonly boolean[], attack?: string): PairReport => {
    const onlyFirst = a.filter((right, i) => right && !b[i]).length;
    const onlySecond = b.filter((right, i) => right && !a[i]).length;
    return {
      first: first.name,
      second: second.name,
      epsilon,
      ...(attack === undefined ? {} : { attack }),
      onlyFirst,
      onlySecond,
      p: mcnemar(onlyFirst, onlySecond),
      difference: (onlyFirst - onlySecond) / samples,
      ci95: pairedInterval(onlyFirst, onlySecond, samples),
    };
  };
  const worst = pair(unbroken(first, epsilon, samples), unbroken(second, epsilon, samples));
  const byAttack = first.attacks
    .filter((attack) => attack.epsilon === epsilon)
    .flatMap(({ name, survived }) => {
      const other = second.attacks.find((attack) => attack.name === name && attack.epsilon === epsilon);
      return other === undefined ? [] : [pair(survived, other.survived, name)];
    });
  return [worst, ...byAttack];
}
