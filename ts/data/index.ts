/** Ways to get a {@link Dataset}. */
export { type Cifar10Options, cifar10 } from './cifar10.js';
export { type FromTensorsOptions, fromTensors } from './fromTensors.js';
export { type IdxOptions, idx } from './idx.js';
export { type SyntheticOptions, synthetic } from './synthetic.js';
