// The npm packages that package-lock.json pins, installed when they are missing or stale.
import { fingerprint, unlessFresh } from './fingerprint.mjs';
import { Failure, note, run } from './steps.mjs';

/** Runs `npm ci` when package.json or package-lock.json changed since the last time. */
export async function ensurePackages() {
  checkNode();
  const hash = fingerprint(['package.json', 'package-lock.json']);
  const installed = await unlessFresh('node_modules/.kwta.hash', hash, ['node_modules/vitest'], async () => {
    note('npm ci: installing the packages of package-lock.json');
    await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  });
  if (!installed) note('npm packages: up to date');
}

/**
 * Runs npm, the one that started us if one did.
 * @param {string[]} args
 * @param {import('./steps.mjs').RunOptions} [options]
 */
export function npm(args, options) {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? run(process.execPath, [script, ...args], options) : run('npm', args, options);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
  if (!supported)
    throw new Failure(`Node ${process.versions.node} is too old: install Node 20.19, 22.12, 24 or later.`);
}
