/** docs/attacks.md: a row for every attack there is, with the norms that it takes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { norms } from '../../dist/attacks/core/norms.js';
import { attackDescriptors, attackOf } from '../../dist/attacks/table.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/attacks.md'), 'utf8');

/** Cells of the rows that begin with a name in code. */
const rows = page
  .split('## Beside other programs')[0]
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

const takes = (type: string, norm: string): boolean => {
  try {
    attackOf({ type, norm });
    return true;
  } catch {
    return false;
  }
};

describe('the page of all attacks', () => {
  it('has a row for each', () => {
    expect(rows.map(([, name]) => name.slice(1, -1)).sort()).toEqual(Object.keys(attackDescriptors).sort());
  });

  const withNorms = rows.filter((cells) => cells.length === 8);
  it.each(withNorms.map(([, name, , listed]) => [name.slice(1, -1), listed.split(', ')] as const))(
    '%s takes the norms it says',
    (type, listed) => {
      expect(norms.filter((norm) => takes(type, norm)).sort()).toEqual([...listed].sort());
    },
  );
});
