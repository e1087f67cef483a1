/** Everything about one run of the demo, as `--json` writes it. */
import type { DescribedAttack, Evaluation, ModelResult } from '../../report/result.js';

/** An attack of the demo, whose words are known. */
export type DemoAttackResult = DescribedAttack & { description: string };

/** One trained model and how it fared. */
export interface DemoModel extends ModelResult {
  gamma: number | null;
  parameters: number;
  trainSeconds: number;
  history: NonNullable<ModelResult['history']>;
  attacks: DemoAttackResult[];
}

export interface DemoResult extends Evaluation {
  models: DemoModel[];
  examples: NonNullable<Evaluation['examples']>;
  runtime: NonNullable<Evaluation['runtime']>;
  seconds: number;
}
