/** The stable identifiers of findings, by what is wrong. */
export const findingCodes = [
  /** The gradient was zero, or too small to be one. */
  'zero-gradient',
  'vanishing-gradient',
  /** The model's gradients or logits were no numbers while it was attacked. */
  'not-a-number',
  /** The margin did not rise along an attack's path. */
  'loss-not-rising',
  /** An adversarial point was seen on the way and not returned. */
  'silent-success',
  /** The last steps still won much. */
  'incomplete-optimisation',
  /** Steps that together cannot cross the ball. */
  'short-steps',
  /** The gradient does not tell how the loss of neighbours differs. */
  'unstable-gradient',
  /** An attack without the true gradient breaks more than those that follow it. */
  'hidden-gradient',
  /** A model's adversarials break another more than attacks on it do. */
  'transfer-beats-direct',
  /** Attacks that walk to the nearest border fail where those that climb succeed. */
  'discontinuous',
  /** Accuracy does not go to 0 when pixels may change at will. */
  'unbounded-attack-fails',
  /** The same sample gets other answers when it is asked again. */
  'randomised',
  /** Probabilities where logits were expected. */
  'softmax-output',
  /** The same class for every sample. */
  'constant-model',
  /** Samples that could not be attacked. */
  'not-attacked',
  /** Too few samples for a narrow interval, or for the difference between two models. */
  'few-samples',
  'difference-may-be-chance',
  /** Stronger attacks may leave less. */
  'upper-bound',
] as const;

/** One of them. */
export type FindingCode = (typeof findingCodes)[number];
