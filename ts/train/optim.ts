/** The public face of the optimizers: `optim.sgd({ lr: 0.1 })`. */
export { adam, adamw, sgd } from './optimizers.js';
