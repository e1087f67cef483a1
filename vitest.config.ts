// Seven projects. Contract tests run in Node and in both kinds of page; every test sees the built package.
//
// node              test/contract, test/node
// realm             test/realm in Node, in a realm other than that of Node's own modules
// browser-isolated  test/contract, test/browser in Chromium, with COOP and COEP: shared memory and threads
// browser-plain     the same without these headers: one thread
// package           test/package: the packed tarball, installed in an empty folder
// page              test/page: the demo page in Chromium, driven from Node
// environments      test/package/all: the same under other run times, bundlers and frameworks, which are installed for it
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const dist = fileURLToPath(new URL('./dist/', import.meta.url));
const alias = [{ find: /^kwta$/, replacement: `${dist}index.js` }];
const testTimeout = 60_000;
/** How many random networks, and which. */
const random = { runs: Number(process.env.KWTA_RUNS ?? 120), seed: Number(process.env.KWTA_SEED ?? 20_240_607) };

function inNode(name: string, include: string[], pool?: 'vmThreads'): TestProjectInlineConfiguration {
  return {
    resolve: { alias },
    test: {
      name,
      pool,
      include,
      testTimeout,
      hookTimeout: testTimeout,
      provide: { random },
      // Node itself loads the package, as it would for a user: its workers start from real files.
      server: { deps: { external: [/\/dist\//] } },
    },
  };
}

function inChromium(name: string, headers: Record<string, string>): TestProjectInlineConfiguration {
  return {
    resolve: { alias },
    server: { headers },
    worker: { format: 'es' },
    optimizeDeps: { include: ['comlink', 'fast-check', 'pako', 'valibot', 'wasm-feature-detect'] },
    test: {
      name,
      include: ['test/contract/**/*.test.ts', 'test/browser/**/*.test.ts'],
      testTimeout,
      hookTimeout: testTimeout,
      provide: { isolated: 'Cross-Origin-Opener-Policy' in headers, random },
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({
          launchOptions: {
            executablePath: process.env.KWTA_CHROMIUM,
            args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
          },
        }),
        instances: [{ browser: 'chromium' }],
      },
    },
  };
}

/** Installs and builds, which wait for a registry and for the other half of the tests. */
const patience = 180_000;
const tarball = inNode('package', ['test/package/*.test.ts']);
const page = inNode('page', ['test/page/**/*.test.ts']);

export default defineConfig({
  test: {
    // Each test file starts worker threads of its own.
    maxWorkers: 2,
    projects: [
      inNode('node', ['test/contract/**/*.test.ts', 'test/node/**/*.test.ts']),
      inNode('realm', ['test/realm/**/*.test.ts'], 'vmThreads'),
      { ...tarball, test: { ...tarball.test, testTimeout: patience, hookTimeout: patience } },
      inNode('environments', ['test/package/all/*.test.ts']),
      // One browser at a time, for what it does is timed.
      { ...page, test: { ...page.test, maxWorkers: 1 } },
      inChromium('browser-isolated', {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      }),
      inChromium('browser-plain', {}),
    ],
  },
});

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the page is cross-origin isolated, so that memory can be shared. */
    isolated: boolean;
    /** Random networks of a property, and the seed they come from. */
    random: { runs: number; seed: number };
  }
}
