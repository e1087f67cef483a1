// A Chromium for the browser tests: one that is there, else Debian's, else playwright's.
import { Failure, installDebianPackages, installedProgram, note, runPackage } from './steps.mjs';

/**
 * The path of the executable.
 * @returns {Promise<string>}
 */
export async function ensureChromium() {
  const there = await installedChromium();
  if (there) return there;
  if (await installDebianPackages(['chromium'])) {
    const debian = await installedChromium();
    if (debian) return debian;
  }
  note('playwright install chromium');
  try {
    await runPackage('playwright/cli.js', ['install', '--only-shell', 'chromium']);
  } catch {
    throw new Failure(
      'the browser tests need Chromium: install it, or set KWTA_CHROMIUM to the executable of a Chromium or Chrome.',
    );
  }
  return (await installedChromium()) ?? (await playwrightPath());
}

async function installedChromium() {
  return installedProgram('KWTA_CHROMIUM', {
    commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    files: [
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      await playwrightPath(),
    ],
  });
}

async function playwrightPath() {
  const { chromium } = await import('playwright');
  return chromium.executablePath();
}
