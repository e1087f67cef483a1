/** What a run says of itself when it goes wrong without failing, in words. */
import type { AttackedAccuracy } from './regimes/regime.js';

/**
 * Catastrophic overfitting (Wong et al. 2020): the network stands the single step that it is trained with, and a longer attack
 * leaves less than half of that; and by so much less that it is not chance.
 */
export function overfitted({ own, pgd }: Pick<AttackedAccuracy, 'own' | 'pgd'>, epoch: number): string | undefined {
  if (pgd >= own / 2 || own - pgd < 0.2) return undefined;
  const [single, longer] = [own, pgd].map((share) => `${Math.round(100 * share)} %`);
  return (
    `catastrophic overfitting after epoch ${epoch}: ${single} of the watched training images stand the single step that ` +
    `the network is trained with, ${longer} stand ten steps of PGD; a smaller epsilon or stepSize, fewer epochs or another ` +
    'regime avoid it'
  );
}
