/** Everything about one run of the demo, as `--json` writes it. */
import type { DescribedAttack, Evaluation, ModelResult } from '../../report/result.js';

/** One trained model and how it fared; all is known of it. */
export interface DemoModel extends Required<ModelResult> {
  attacks: Required<DescribedAttack>[];
}

export interface DemoResult extends Required<Evaluation> {
  models: DemoModel[];
}
