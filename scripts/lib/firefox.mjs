// A Firefox for the tests that are run on demand: one that is there, else Debian's.
import { existsSync } from 'node:fs';
import { Failure, installDebianPackages, isExecutable, which } from './steps.mjs';

/** The path of the executable. @returns {Promise<string>} */
export async function ensureFirefox() {
  const there = installedFirefox() ?? ((await installDebianPackages(['firefox-esr'])) ? installedFirefox() : undefined);
  if (there) return there;
  throw new Failure('these tests need Firefox: install it, or set KWTA_FIREFOX to its executable.');
}

function installedFirefox() {
  const named = process.env.KWTA_FIREFOX;
  if (named && !isExecutable(named)) throw new Failure(`KWTA_FIREFOX is set to ${named}, which cannot be executed.`);
  const application = '/Applications/Firefox.app/Contents/MacOS/firefox';
  return named || ['firefox', 'firefox-esr'].map(which).find(Boolean) || [application].find((file) => existsSync(file));
}
