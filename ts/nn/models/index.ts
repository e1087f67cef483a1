/** Ready-made models. */
export { type ResNet18Options, resNet18 } from './resNet18.js';
export { type SmallCnnOptions, smallCnn } from './smallCnn.js';
