/** The largest batch whose plan fits in memory, for the error of one whose plan does not. */
import { MemoryError } from '../base/errors.js';
import type { Plan } from './plan.js';

/** `error`, of a batch of `n` samples, which says as well how many there may be. `build` makes the plan of so many. */
export function withWhatFits({ message }: MemoryError, n: number, build: (n: number) => Plan): MemoryError {
  let [most, tooMany] = [0, n];
  while (most + 1 < tooMany) {
    const middle = Math.floor((most + tooMany) / 2);
    if (fits(build(middle))) most = middle;
    else tooMany = middle;
  }
  return new MemoryError(`${message}; ${most === 0 ? 'not even one sample fits' : `a batch of ${most} fits`}`);
}

function fits(plan: Plan): boolean {
  try {
    plan.place();
    return true;
  } catch (error) {
    if (error instanceof MemoryError) return false;
    throw error;
  } finally {
    plan.dispose();
  }
}
