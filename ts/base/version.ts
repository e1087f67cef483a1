/** The version of this package, for what runs where package.json cannot be read. */
export const version = '0.1.0';
