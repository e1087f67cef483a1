/** What README and docs/ show: every program runs, from the tarball, and prints what its page says. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages, programOf } from './markdown.js';
import { type Folder, install, pack, run, temporaryFolder } from './tarball.js';

let folder: Folder;

/** Parts of programs: those of a page in a browser, which threads.test.ts runs, and those that need files of PyTorch. */
const parts = ['docs/threads.md', 'docs/weights.md'];

const all = (await pages()).filter((page) => !parts.includes(page));
const programs = await Promise.all(all.map(async (page) => ({ page, program: await programOf(page) })));
const withPrograms = programs.filter(({ program }) => program !== '');
const recipes = withPrograms.filter(({ page }) => page.startsWith('docs/recipes/'));

/** What a page's program has to print, beside coming to its end. */
const printed: Record<string, (output: string) => void> = {
  'README.md': (output) => {
    const [clean, worst] = output.trim().split(' ').map(Number);
    expect(clean).toBeGreaterThan(0.7); // of 20 images
    expect(worst).toBeLessThan(clean);
  },
  'docs/tutorial-node.md': (output) => {
    const losses = [...output.matchAll(/^epoch \d+: loss ([\d.]+)$/gm)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0] / 2);
    expect(Number(output.match(/^accuracy ([\d.]+)$/m)?.[1])).toBeGreaterThan(0.9);
    for (const attack of ['pgd', 'square', 'deepFool', 'autoAttack', 'adaptiveKwta', 'worst case'])
      expect(output).toContain(attack);
  },
  'docs/models.md': (output) => {
    expect(output).toContain('[ 16, 10 ]');
    expect(output).toContain('Float32Array(4) [ 3, 0, 2, 0 ] Float32Array(4) [ 1, 0, 1, 0 ]');
  },
  'docs/reports.md': (output) => expect(output).toContain('true []'),
  'docs/recipes/01-own-images.md': (output) => expect(Number(output.split(': ')[1])).toBeGreaterThan(0.9),
  'docs/recipes/05-is-the-gradient-hidden.md': (output) => expect(output).toContain('hidden-gradient'),
  'docs/recipes/09-stop-and-go-on.md': (output) => expect(output).toBe('AbortError\nthe same bits\n'),
  'docs/recipes/10-count-the-jumps.md': (output) => expect(output).toMatch(/^ReLU 100 changes, 0 of them jumps/),
  'docs/recipes/12-verify-a-report.md': (output) => expect(output).toMatch(/^true\nfalse \[/),
};

beforeAll(async () => {
  folder = await temporaryFolder();
  const tarball = await pack(folder.path);
  await install(tarball.file, folder.path);
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

describe('the programs', () => {
  it('are of twelve recipes, of README, and of the guides', () => {
    expect(recipes).toHaveLength(12);
    const names = withPrograms.map(({ page }) => page);
    expect(names).toEqual(expect.arrayContaining(Object.keys(printed)));
    for (const guide of ['models', 'data', 'training', 'attacks', 'reports', 'analysis'])
      expect(names).toContain(`docs/${guide}.md`);
  });

  it.each(withPrograms)(
    '$page',
    async ({ page, program }) => {
      // A page's files are its own.
      const own = path.join(folder.path, page.replaceAll('/', '-').replace('.md', ''));
      await mkdir(own);
      await writeFile(path.join(own, 'program.mjs'), program);
      const output = await run(process.execPath, ['program.mjs'], { cwd: own });
      expect(output).not.toBe('');
      printed[page]?.(output);
    },
    240_000,
  );
});
