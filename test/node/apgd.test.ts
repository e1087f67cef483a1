/** APGD from inside, beside AutoAttack's in PyTorch: when it looks back, how its steps shrink, its loss with targets. */
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { perturb } from '../../dist/attacks/core/run.js';
import { ranking, targetedDlr } from '../../dist/attacks/core/targetedDlr.js';
import type { Climbers } from '../../dist/attacks/fixed/climbers.js';
import { climbs } from '../../dist/attacks/fixed/climbs.js';
import { Random } from '../../dist/base/random.js';
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { expectValues, noise } from '../contract/support.js';
import { fixtures, modelOf, type ScheduleCase, type TargetedDlrCase, type WindowsCase } from '../fixtures/fixtures.js';

const cases = await fixtures('apgd');

/** A stream of numbers that were drawn elsewhere, for one sample after another. */
class Replayed extends Random {
  #at = 0;
  constructor(private readonly numbers: Float32Array) {
    super(0, 0);
  }
  override uniform(): number {
    return (this.numbers[this.#at++] + 1) / 2;
  }
  override normal(): number {
    return this.numbers[this.#at++];
  }
}

async function networkOf(item: ScheduleCase): Promise<Network> {
  const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
  const network = new Network(modelOf(item), 0, new Workspace(kernels), { recompute: false });
  network.parameters.write(item.stateDict);
  return network;
}

describe('APGD as in AutoAttack', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(cases.filter((item): item is WindowsCase => item.name.startsWith('windows')))(
    'looks back after the same steps: $name',
    ({ steps, checkpoints }) => {
      const seen: number[] = [];
      for (let at = climbs.linf.period(steps, 0); at <= steps; at += climbs.linf.period(steps, seen.length)) {
        seen.push(at);
      }
      expect(seen).toEqual(checkpoints);
      expect(climbs.l2.period).toBe(climbs.linf.period);
    },
  );

  it.each(cases.filter((item): item is ScheduleCase => item.name.startsWith('schedule')))(
    'takes steps of the same size, to the same losses: $name',
    async (item) => {
      const { norm, loss, steps, rho, stepSizes, losses, best, labels } = item;
      const network = await networkOf(item);
      const climb = climbs[norm];
      const move = climb.step;
      const sizes: number[] = [];
      const values: number[] = [];
      const step = vi.spyOn(climb, 'step').mockImplementation((rows: Climbers, radius, first) => {
        expect(rows.of).toEqual([...labels.keys()]);
        sizes.push(...rows.stepSize);
        values.push(...rows.lastLoss);
        move(rows, radius, first);
      });
      const spec = { type: 'apgd', norm, loss, steps, rho, restarts: 1, eot: 1 } as const;
      const found = perturb(network, spec, {
        x: item.x.data,
        labels: Int32Array.from(labels),
        epsilon: item.epsilon,
        random: new Replayed(item.draws.data),
      });
      expect(step).toHaveBeenCalledTimes(steps);
      expectValues(sizes, stepSizes.data, 1e-6, 'step sizes');
      // One size would be no schedule, and one for all samples none of their own.
      expect(new Set(sizes.map(Math.fround)).size).toBeGreaterThan(2);
      expect(new Set(sizes.slice(-labels.length).map(Math.fround)).size).toBeGreaterThan(1);
      expectValues(values, losses.data.subarray(0, values.length), 2e-5, 'losses');
      expectValues(found, best.data, 2e-5, 'best points');
    },
  );
});

describe('targeted DLR', () => {
  const slopesOf = (logits: Float32Array, own: number, target: number): { loss: number; slopes: Float32Array } => {
    const slopes = new Float32Array(logits.length);
    return { loss: targetedDlr(logits, own, target, slopes), slopes };
  };

  it.each(cases.filter((item): item is TargetedDlrCase => item.name.startsWith('targetedDlr')))(
    'is that of AutoAttack: $name',
    ({ logits, labels, targets, losses, gradients }) => {
      const classes = logits.shape[1];
      const rows = labels.map((label, i) =>
        slopesOf(logits.data.subarray(i * classes, (i + 1) * classes), label, targets[i]),
      );
      expectValues(
        rows.map(({ loss }) => loss),
        losses.data,
        1e-6,
        'losses',
      );
      expectValues(
        rows.flatMap(({ slopes }) => [...slopes]),
        gradients.data,
        1e-5,
        'gradients',
      );
    },
  );

  it('does not change when logits are scaled or shifted, and is finite where they are equal', () => {
    const logits = Float32Array.from([3, 1, -2, 0.5, 2]);
    const { loss } = slopesOf(logits, 0, 1);
    expect(loss).toBeCloseTo(-2 / (3 - 0.75), 6);
    expect(
      slopesOf(
        logits.map((value) => 8 * value - 5),
        0,
        1,
      ).loss,
    ).toBeCloseTo(loss, 6);
    const equal = slopesOf(new Float32Array(5), 0, 1);
    expect(equal.loss).toBe(0);
    expect(equal.slopes.every(Number.isFinite)).toBe(true);
  });

  it('ranks classes as sorting does, the lowest first among equals', () => {
    for (let seed = 0; seed < 200; seed++) {
      const logits = noise(seed, 12).map((value) => Math.round(3 * value));
      const sorted = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);
      expect(ranking(logits, 4)).toEqual(sorted.slice(0, 4));
      expect(ranking(logits, 11, 5)).toEqual(sorted.filter((j) => j !== 5));
    }
  });
});
