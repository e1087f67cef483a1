/** Ready-made models. */
export type { Activation, ActivationChoice, ActivationPlace } from './activation.js';
export { type AlexNetOptions, alexNet } from './alexNet.js';
export { type DenseNetOptions, denseNet121 } from './denseNet.js';
export { type ResNetOptions, resNet18, resNet34 } from './resNet.js';
export { type SmallCnnOptions, smallCnn } from './smallCnn.js';
export { type WideResNetOptions, wideResNet } from './wideResNet.js';
