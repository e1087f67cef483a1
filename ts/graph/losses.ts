/** The losses that wasm has: of each sample, from logits `[n, classes]` and one class a sample. */

/**
 * Losses by sample; all grow as a sample gets more wrong. `crossEntropy`: -log softmax(z)_y. `margin`:
 * max_{j != y} z_j - z_y. `dlr`: -(z_y - max_{j != y} z_j) / (z_1st - z_3rd) (Croce & Hein 2020).
 */
export type Loss = 'crossEntropy' | 'margin' | 'dlr';

/** In the order of their numbers in crates/wasm/src/loss.rs. */
export const losses: readonly Loss[] = ['crossEntropy', 'margin', 'dlr'];

/** Classes that a loss needs: the margin compares with another one, dlr with the third largest. */
export const leastClasses: Readonly<Record<Loss, number>> = { crossEntropy: 1, margin: 2, dlr: 3 };
