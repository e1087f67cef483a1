/** What `kwta info FILE` tells of a model: its layers, what they cost, and what a training step needs. */
import { type Model, nn } from '../index.js';
import type { ModelFile } from '../io/checkpoint.js';
import { count, percent } from '../report/format.js';
import { optionText } from '../report/optionText.js';
import { grid, type Row } from '../report/table.js';
import { type Checkpoint, checkpointOf } from '../train/checkpoint.js';

/** Samples of the step whose memory is told. */
const batch = 64;

/** Everything about a model that is told. */
export type ModelInfo = Awaited<ReturnType<typeof modelInfo>>;

/** @param own what the model's file says, if it describes itself. */
export async function modelInfo(model: Model, file: string, own: ModelFile | undefined) {
  const layers = nn.summary(model.spec);
  const sum = (of: (row: nn.LayerSummary) => number): number => layers.reduce((total, row) => total + of(row), 0);
  return {
    input: model.input,
    classes: model.classes,
    parameters: model.parameters,
    multiplyAdds: sum((row) => row.multiplyAdds),
    multiplyAddsAtGamma: sum((row) => row.multiplyAddsAtGamma),
    memory: { batch, ...(await model.memory({ batch })) },
    layers,
    dutyCycles: nn
      .dutyCycles(await model.stateDict())
      .map(({ shares, ...rest }) => ({ ...rest, channels: shares.length })),
    ...(own === undefined ? {} : trainingOf(file, own)),
  };
}

/** Where a checkpoint's run stands. */
type Standing = { step: number; epoch: number } & Pick<Checkpoint['state'], 'best'>;

interface Standings {
  about?: unknown;
  checkpoint?: Standing;
}

/** What the file says of the training: a checkpoint of its run, a model what was saved with it. */
function trainingOf(file: string, own: ModelFile): Standings {
  const { about, training } = own;
  if (training === undefined) return { about };
  const { options, step, epoch, best } = checkpointOf(file, own).state;
  return { about: options, checkpoint: { step, epoch: epoch.index, best } };
}

const headers = ['layer', 'type', 'output', 'parameters', 'N', 'k', 'multiply-adds', 'at gamma', 'KiB a sample'];

const orNothing = (value: number): string => (value === 0 ? '' : count(value));
const mebi = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export function modelText(info: ModelInfo): string {
  const rows = info.layers.map(
    (row): Row => ({
      cells: [
        row.layer,
        row.type,
        row.output.join(' x '),
        orNothing(row.parameters),
        orNothing(row.N ?? 0) + ((row.groups ?? 1) > 1 ? ` x ${row.groups}` : ''),
        orNothing(row.k ?? 0),
        orNothing(row.multiplyAdds),
        orNothing(row.multiplyAddsAtGamma),
        (row.bytes / 1024).toFixed(1),
      ],
    }),
  );
  const { memory } = info;
  const total: Row = {
    cells: [
      '',
      '',
      '',
      count(info.parameters),
      '',
      '',
      orNothing(info.multiplyAdds),
      orNothing(info.multiplyAddsAtGamma),
      '',
    ],
    emphasis: true,
  };
  return [
    `input        ${info.input.join(' x ')}, ${info.classes} classes`,
    `memory       a training step of ${memory.batch} samples: ${mebi(memory.training)}; parameters ` +
      `${mebi(memory.parameters)}, and as much for gradients; an attack's step ${mebi(memory.inputGradient)}`,
    ...info.dutyCycles.map(
      ({ layer, channels, samples, entropy, maxEntropy }) =>
        `duty cycles  ${layer}: entropy ${entropy.toFixed(1)} of at most ${maxEntropy.toFixed(1)} bits, ${channels} channels, ` +
        `${samples} samples`,
    ),
    ...aboutLines(info),
    grid(headers, ['rule', ...rows, 'rule', total]),
  ].join('\n');
}

function aboutLines({ about, checkpoint }: Standings): string[] {
  const lines: [string, string][] = [];
  if (checkpoint !== undefined) {
    const { step, epoch, best } = checkpoint;
    const found =
      best === null ? '' : `; best validation accuracy ${percent(best.accuracy)} after epoch ${best.epoch + 1}`;
    lines.push(['checkpoint', `after step ${count(step)}, in epoch ${epoch + 1}${found}`]);
  }
  if (about !== undefined) {
    const own = typeof about === 'object' && about !== null ? Object.entries(about) : [['about', about] as const];
    for (const [key, value] of own) lines.push([key, optionText(value)]);
  }
  const width = Math.max(13, ...lines.map(([name]) => name.length + 2));
  return lines.map(([name, text]) => `${name.padEnd(width)}${text}`);
}
