// A Firefox for the tests that are run on demand: one that is there, else Debian's.
import { Failure, installDebianPackages, installedProgram } from './steps.mjs';

/** The path of the executable. @returns {Promise<string>} */
export async function ensureFirefox() {
  const there = installedFirefox() ?? ((await installDebianPackages(['firefox-esr'])) ? installedFirefox() : undefined);
  if (there) return there;
  throw new Failure('these tests need Firefox: install it, or set KWTA_FIREFOX to its executable.');
}

function installedFirefox() {
  return installedProgram('KWTA_FIREFOX', {
    commands: ['firefox', 'firefox-esr'],
    files: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
  });
}
