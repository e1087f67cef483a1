/** Layers, containers and models as plain data. */
export { type DutyCycles, dutyCycles } from './dutyCycles.js';
export * from './layers.js';
export { replaceActivation } from './replaceActivation.js';
export { type LayerSummary, summary } from './summary.js';
