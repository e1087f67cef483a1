/** Options that are plain data, in few words: `pgd (steps 10)`. */

/** Members of families by their type, lists with commas, the rest as it is written. */
export function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  const { type, ...rest } = value as { type?: unknown };
  const own = Object.entries(rest)
    .filter(([, inner]) => inner !== undefined)
    // Layers would fill a page.
    .map(([key, inner]) => (key === 'layers' ? `${(inner as unknown[]).length} layers` : `${key} ${optionText(inner)}`))
    .join(', ');
  if (type === undefined) return own;
  return own === '' ? String(type) : `${type} (${own})`;
}
