/** How many threads a runtime takes when nobody says: what this process may use. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
// The machine cannot be changed from here: the parts that look at it are given another.
import { concurrency, processorQuota } from '../../ts/platform/processors.js';

const available = vi.hoisted(() => ({ processors: 1 }));
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  availableParallelism: () => available.processors,
}));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-cgroup-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('is what the machine has, at most what a team can be', () => {
  available.processors = 1;
  expect(concurrency()).toBe(1);
  available.processors = 1000;
  expect(concurrency()).toBe(Math.min(256, processorQuota()));
});

describe('the processors that a control group grants', () => {
  const grant = async (files: Record<string, string>): Promise<number> => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    return processorQuota(join(folder, 'cgroup'), join(folder, 'self'));
  };

  it('are whole ones, at least one, of the tightest group on the way up', async () => {
    expect(await grant({})).toBe(Number.POSITIVE_INFINITY);
    expect(await grant({ self: '0::/a/b\n', 'cgroup/a/b/cpu.max': 'max 100000\n' })).toBe(Number.POSITIVE_INFINITY);
    expect(await grant({ 'cgroup/a/cpu.max': '350000 100000\n' })).toBe(3);
    expect(await grant({ 'cgroup/cpu.max': '50000 100000\n' })).toBe(1);
  });

  it('are found in groups of the old kind, and at the root of a container', async () => {
    const self = '4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n';
    const period = { 'cgroup/cpu/cpu.cfs_period_us': '100000\n' };
    expect(await grant({ self, ...period, 'cgroup/cpu/cpu.cfs_quota_us': '-1\n' })).toBe(Number.POSITIVE_INFINITY);
    expect(await grant({ 'cgroup/cpu/cpu.cfs_quota_us': '200000\n' })).toBe(2);
  });
});
