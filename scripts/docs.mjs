// npm run docs [-- --serve]: builds the documentation site into site/dist-docs, or serves it while pages are written.
// What it needs beside Node stands in site/docs/package.json, and is installed when it is missing.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, unlessFresh } from './lib/fingerprint.mjs';
import { checkLinks } from './lib/links.mjs';
import { ensurePackages, npm } from './lib/packages.mjs';
import { copyPage } from './lib/page.mjs';
import { Failure, main, note, root, run, stage, tryRun } from './lib/steps.mjs';

const site = path.join(root, 'site/docs');
const built = path.join(root, 'site/dist-docs');

await main(async () => {
  const [option, ...others] = process.argv.slice(2);
  if (others.length > 0 || (option !== undefined && option !== '--serve')) {
    throw new Failure(`expected no option, or --serve, got ${process.argv.slice(2).join(' ')}`);
  }
  await stage('Set-up', async () => {
    await ensurePackages();
    const hash = fingerprint(['site/docs/package.json', 'site/docs/package-lock.json']);
    const installed = await unlessFresh('site/docs/node_modules/.kwta.hash', hash, [], () =>
      npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: site }).then(() => {}),
    );
    note(installed ? 'installed the packages of site/docs/package-lock.json' : 'packages of the site: up to date');
  });
  await stage('Reference: every export has a docstring', async () => {
    rmSync(path.join(root, 'docs/api'), { recursive: true, force: true });
    const { code, output } = await tryRun(
      process.execPath,
      [path.join(site, 'node_modules/typedoc/bin/typedoc'), '--options', path.join(site, 'typedoc.json')],
      { cwd: site, capture: true },
    );
    // A field of a schema that several types share is no ambiguity.
    const shared = /has multiple declarations with a comment|The comments for .+ are declared at:|^\t\S+:\d+$/;
    for (const line of output.trimEnd().split('\n')) if (!shared.test(line)) console.log(`   ${line}`);
    if (code !== 0) throw new Failure('the reference has gaps: see the warnings above.');
  });
  if (option === '--serve') {
    await inSite('vitepress/bin/vitepress.js', ['dev', 'site/docs']);
    return;
  }
  await stage('Site', () => inSite('vitepress/bin/vitepress.js', ['build', 'site/docs']));
  await stage('Links', async () => {
    // Where the demo page was built, the site brings it along.
    if (existsSync(path.join(root, 'dist/page.json.br'))) await copyPage(path.join(built, 'demo-page'));
    const dead = checkLinks(built, process.env.KWTA_DOCS_BASE ?? '/');
    for (const line of dead) console.error(`   ${line}`);
    if (dead.length > 0) throw new Failure(`${dead.length} links of the site lead nowhere.`);
  });
  note('site/dist-docs: any server of files will do, for instance npx vite preview --outDir site/dist-docs');
});

/**
 * Runs a program of the site's own packages.
 * @param {string} file below its node_modules
 * @param {string[]} args
 */
function inSite(file, args) {
  return run(process.execPath, [path.join(site, 'node_modules', file), ...args]);
}
