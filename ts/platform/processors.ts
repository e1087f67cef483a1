/** How many threads this process may run at once. Node 20 sees the processors, not the share of them that is granted. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { maxThreads } from './platform.js';

/** See `Platform.concurrency`. */
export function concurrency(): number {
  return Math.min(availableParallelism(), processorQuota(), maxThreads);
}

/**
 * Whole processors that this process may use by the quotas of its control group (Linux; a container's limit) and those
 * above it; Infinity without one. Threads beyond it would be stopped together, and others would wait for them.
 *
 * @param root where control groups are mounted.
 * @param membership the file that says which one this process is in.
 */
export function processorQuota(root = '/sys/fs/cgroup', membership = '/proc/self/cgroup'): number {
  let least = Number.POSITIVE_INFINITY;
  for (const line of textOf(membership)?.split('\n') ?? []) {
    const [, controllers = '', group = '/'] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
    const unified = controllers === '';
    if (!unified && !controllers.split(',').includes('cpu')) continue;
    const base = unified ? root : join(root, 'cpu');
    // Inside a container the named group may be out of sight; what is seen of the way up to the root counts.
    for (let at = group; ; at = dirname(at)) {
      least = Math.min(least, unified ? unifiedQuota(join(base, at)) : oldQuota(join(base, at)));
      if (at === dirname(at)) break;
    }
  }
  return Math.max(1, Math.floor(least));
}

/** `cpu.max`: microseconds in a period, and the period; the first may be `max`. */
function unifiedQuota(folder: string): number {
  return quotient(...((textOf(join(folder, 'cpu.max')) ?? '').split(' ') as [string, string?]));
}

function oldQuota(folder: string): number {
  return quotient(textOf(join(folder, 'cpu.cfs_quota_us')), textOf(join(folder, 'cpu.cfs_period_us')));
}

function quotient(quota?: string, period?: string): number {
  const share = Number(quota) / Number(period);
  return share > 0 ? share : Number.POSITIVE_INFINITY;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, or no such limit.
    return undefined;
  }
}
