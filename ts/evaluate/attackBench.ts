/**
 * A report in AttackBench's form (Cinà et al. 2024): for each attack the two files that a run of theirs leaves, with
 * distances and queries by sample, so that their tools read what was measured here beside what they measured.
 */
import { ConfigError } from '../base/errors.js';
import { fileName } from '../base/paths.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { sha512 } from './hash.js';
import type { ComparisonReport, ModelReport, RobustnessReport } from './report.js';

type Norm = RobustnessReport['norm'];

/** What AttackBench's `config.json` says of a run, as far as its analysis reads it. */
export interface AttackBenchConfig {
  model: { name: string; dataset: string };
  attack: { name: string; threat_model: Norm };
  dataset: { batch_size: number; num_samples: number };
  seed: number;
}

/** AttackBench's `info.json`; lists are by sample, but for `times` and `batch_failures`. */
export interface AttackBenchInfo {
  /** SHA-512 of the pixels, as 32-bit floats in the order C, H, W. */
  hashes: string[];
  targeted: false;
  /** Share that was right as it is. */
  accuracy: number;
  ori_success: boolean[];
  adv_success: boolean[];
  ASR: number;
  /** Seconds. */
  times: number[];
  num_forwards: number[];
  num_backwards: number[];
  /** In the report's norm; 0 where the attack failed, for what is left then is the original. */
  distances: Partial<Record<Norm, number[]>>;
  best_optim_distances: Partial<Record<Norm, number[]>>;
  box_failures: boolean[];
  batch_failures: boolean[];
}

/** One attack on one model. */
export interface AttackBenchRun {
  /** Where AttackBench looks for the two files: `dataset/norm/model/batch_size_n/attack/1`. */
  folder: string;
  /** What AttackBench reads as `config.json`. */
  config: AttackBenchConfig;
  /** What it reads as `info.json`. */
  info: AttackBenchInfo;
}

/** See `attackBench` in index.ts. */
export async function attackBench(
  report: RobustnessReport | ComparisonReport,
  test: Dataset,
  name = 'model',
): Promise<AttackBenchRun[]> {
  checkDataset('test', test);
  const { labels } = report;
  if (test.length < labels.length) {
    throw new ConfigError(`test: expected the ${labels.length} samples of the report, got ${test.length}`);
  }
  const hashes: string[] = [];
  for (const i of labels.keys()) {
    const { buffer, byteOffset, byteLength } = test.tensor([i]).data;
    hashes.push(await sha512(new Uint8Array(buffer, byteOffset, byteLength)));
  }
  const models = 'models' in report ? report.models : [{ ...report, name }];
  return models.flatMap((model) => runsOf(model, report, hashes));
}

function runsOf(
  { name, clean, attacks, envelope }: Pick<ModelReport, 'name' | 'clean' | 'attacks' | 'envelope'>,
  { labels, norm, provenance }: RobustnessReport | ComparisonReport,
  hashes: readonly string[],
): AttackBenchRun[] {
  return provenance.attacks.flatMap((planned) => {
    const rows = attacks.filter((row) => row.name === planned.name);
    const found = envelope.attacks.find((each) => each.name === planned.name);
    if (found === undefined) return [];
    const given = labels.map((_, i) => i).filter((i) => rows.some(({ predictions }) => predictions[i] >= 0));
    const of = <T>(values: readonly T[]): T[] => given.map((i) => values[i]);
    const wrong = given.map((i) => clean.predictions[i] !== labels[i]);
    const success = of(found.distances).map((distance) => distance !== null);
    const share = (flags: readonly boolean[]): number => flags.filter(Boolean).length / Math.max(flags.length, 1);
    const distances = { [norm]: of(found.distances).map((distance) => distance ?? 0) };
    const config: AttackBenchConfig = {
      model: { name, dataset: provenance.data.name },
      attack: { name: planned.name, threat_model: norm },
      dataset: { batch_size: given.length, num_samples: given.length },
      seed: provenance.seed,
    };
    const parts = [provenance.data.name, norm, name, `batch_size_${given.length}`, `kwta ${planned.name}`, '1'];
    return {
      folder: parts.map(fileName).join('/'),
      config,
      info: {
        hashes: of(hashes),
        targeted: false,
        accuracy: 1 - share(wrong),
        ori_success: wrong,
        adv_success: success,
        ASR: share(success),
        times: [rows.reduce((sum, { seconds }) => sum + seconds, 0)],
        num_forwards: of(found.forward),
        num_backwards: of(found.backward),
        distances,
        best_optim_distances: distances,
        box_failures: given.map(() => false),
        batch_failures: [false],
      },
    };
  });
}
