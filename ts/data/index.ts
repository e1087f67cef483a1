/** Ways to get a {@link Dataset}, or a stream of samples. */
export { type Cifar10Options, type Cifar100Options, cifar10, cifar100 } from './cifar.js';
export { type FashionMnistOptions, fashionMnist } from './fashionMnist.js';
export {
  type FromIterableOptions,
  fromIterable,
  type Sample,
  type SampleBatch,
  type SampleIterable,
} from './fromIterable.js';
export { type FromTensorsOptions, fromTensors } from './fromTensors.js';
export { type IdxOptions, idx } from './idx.js';
export { type ImageFolderOptions, imageFolder } from './imageFolder.js';
export { type NpzOptions, npz } from './npz.js';
export { type SvhnOptions, svhn } from './svhn.js';
export { type SyntheticOptions, synthetic } from './synthetic.js';
