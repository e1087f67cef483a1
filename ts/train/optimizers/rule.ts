/** What every optimizer provides: how one step moves the values of a parameter. */
import type { Exports } from '../../kernels/kernels.js';

/** A parameter's values, their gradient and what the optimizer remembers of them: addresses, `length` values each. */
export interface Place {
  length: number;
  values: number;
  gradient: number;
  moments: readonly number[];
}

/** How one kind of optimizer is computed. */
export interface Rule<Spec> {
  /** How many values it remembers for each value of a parameter. */
  moments: number;
  /** Moves a parameter along its gradient at learning rate `lr`; `count` is the number of the step, from 1. */
  step(exports: Exports, spec: Spec, place: Place, count: number, lr: number): void;
}
