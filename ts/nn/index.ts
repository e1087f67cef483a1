/** Layers, containers and models as plain data. */
export * from './layers.js';
export { replaceActivation } from './replaceActivation.js';
