// What all bundles of the build have in common.

/**
 * Makes a bundler's warning an error.
 * @type {NonNullable<import('rolldown').InputOptions['onLog']>}
 */
export const failOnWarning = (level, { message }) => {
  if (level === 'warn') throw new Error(message);
};
