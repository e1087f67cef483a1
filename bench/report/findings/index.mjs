/** What the figures of a run say, suite by suite. */
import { attackFindings } from './attack.mjs';
import { costFindings } from './cost.mjs';
import { denseFindings, sparseFindings } from './kernels.mjs';
import { peakFindings, rooflines } from './peak.mjs';
import { stepFindings } from './step.mjs';

/**
 * @typedef {import('../blocks.mjs').Result} Result
 * @typedef {import('../blocks.mjs').Block} Block
 */

/** Title and findings of each suite, in the order of a report. @type {Record<string, { title: string, find: (results: Result[]) => Block[] }>} */
export const suites = {
  peak: { title: 'Peak and bandwidth', find: peakFindings },
  select: { title: 'Selection of the k-th largest', find: () => [] },
  matmul: { title: 'Matrix products', find: (results) => denseFindings(results, 'Matrix products') },
  conv: {
    title: 'Convolutions',
    find: (results) => [...denseFindings(results, 'Dense convolutions'), ...sparseFindings(results)],
  },
  step: { title: 'Whole steps', find: stepFindings },
  zoo: { title: 'Ready-made models', find: stepFindings },
  attack: { title: 'Attacks', find: attackFindings },
  cost: { title: 'Cost as work grows', find: costFindings },
};

export { rooflines };
