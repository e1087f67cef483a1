/**
 * A report in RobustBench's form (Croce et al. 2021): what its `model_info` folder holds of a model at one radius, percentages as
 * text. What a report does not know (paper, authors) is the caller's to say.
 */
import { ConfigError } from '../base/errors.js';
import { fileName } from '../base/paths.js';
import { boolean, integer, object, optional, parse, string } from '../base/schema.js';
import type { ComparisonReport, ModelReport, RobustnessReport } from './report.js';

const infoSchema = object({
  link: optional(string(), ''),
  name: optional(string(), ''),
  authors: optional(string(), ''),
  venue: optional(string(), ''),
  architecture: optional(string(), ''),
  dataset: optional(string()),
  additional_data: optional(boolean(), false),
  number_forward_passes: optional(integer({ min: 1 }), 1),
  reported: optional(string(), ''),
});

/** What is said of a model beside its figures; all of it may be left out. */
export type RobustBenchInfo = Partial<
  Record<'link' | 'name' | 'authors' | 'venue' | 'architecture' | 'dataset' | 'reported', string>
> & {
  /** Trained on more than the dataset. */
  additional_data?: boolean;
  /** How many a prediction takes; 1 by default. */
  number_forward_passes?: number;
};

/** One file of `model_info`. */
export interface RobustBenchEntry {
  /** Where it stands: `cifar10/Linf/name.json`. */
  file: string;
  /** What the file holds. */
  content: Required<RobustBenchInfo> & {
    /** `8/255`, or a decimal. */
    eps: string;
    clean_acc: string;
    /** What AutoAttack left, with the attacks that a preset runs before it. */
    autoattack_acc: string;
    /** What all attacks of the report left, where that is less. */
    external?: string;
  };
}

/** Their names of norms. */
const threatModels: Partial<Record<RobustnessReport['norm'], string>> = { linf: 'Linf', l2: 'L2' };

/**
 * Each model at each radius of a report in which AutoAttack ran (the presets `standard` and `adaptive` have it).
 *
 * @param info of the models' paper.
 * @param model name of the model of a report of one; names of files have it.
 * @throws {ConfigError} for a norm that RobustBench does not have, or a report without AutoAttack.
 */
export function robustBench(
  report: RobustnessReport | ComparisonReport,
  info: RobustBenchInfo = {},
  model = 'model',
): RobustBenchEntry[] {
  const { dataset, ...known } = parse(infoSchema, info, 'robustBench');
  const { norm, provenance } = report;
  const threatModel = threatModels[norm];
  if (threatModel === undefined) throw new ConfigError(`robustBench: expected a report in linf or l2, got ${norm}`);
  const name = provenance.attacks.find(({ attack }) => typeOf(attack) === 'autoAttack')?.name;
  if (name === undefined)
    throw new ConfigError('robustBench: expected a report in which autoAttack ran, got one without');
  const data = dataset ?? provenance.data.name;
  const models = 'models' in report ? report.models : [{ ...report, name: model }];
  return models.flatMap((own) => {
    const rows = own.attacks.filter((row) => row.name === name && row.epsilon > 0);
    return rows.map(({ epsilon, accuracy }) => ({
      file: `${fileName(data)}/${threatModel}/${fileName(own.name)}${rows.length > 1 ? `-${epsilon}` : ''}.json`,
      content: {
        ...known,
        dataset: data,
        eps: radiusText(epsilon),
        clean_acc: percent(own.clean.accuracy),
        autoattack_acc: percent(accuracy),
        ...(worst(own, epsilon) < accuracy && { external: percent(worst(own, epsilon)) }),
      },
    }));
  });
}

function typeOf(attack: unknown): unknown {
  return typeof attack === 'object' && attack !== null && 'type' in attack ? attack.type : undefined;
}

function worst({ worstCase }: Pick<ModelReport, 'worstCase'>, epsilon: number): number {
  return worstCase[String(epsilon)].accuracy;
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}

function radiusText(epsilon: number): string {
  const levels = 255 * epsilon;
  return Math.abs(levels - Math.round(levels)) < 1e-6 ? `${Math.round(levels)}/255` : String(epsilon);
}
