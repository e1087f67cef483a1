// Four projects. Contract tests run in Node and in both kinds of page; every test sees the built package.
//
// node              test/contract, test/node
// browser-isolated  test/contract, test/browser in Chromium, with COOP and COEP: shared memory and threads
// browser-plain     the same without these headers: one thread
// package           test/package: the packed tarball, installed in an empty folder
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const dist = fileURLToPath(new URL('./dist/', import.meta.url));
const alias = [{ find: /^kwta$/, replacement: `${dist}index.js` }];
const testTimeout = 60_000;

function inNode(name: string, include: string[]): TestProjectInlineConfiguration {
  return {
    resolve: { alias },
    test: {
      name,
      include,
      testTimeout,
      hookTimeout: testTimeout,
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
    optimizeDeps: { include: ['comlink', 'valibot', 'wasm-feature-detect'] },
    test: {
      name,
      include: ['test/contract/**/*.test.ts', 'test/browser/**/*.test.ts'],
      testTimeout,
      hookTimeout: testTimeout,
      provide: { isolated: 'Cross-Origin-Opener-Policy' in headers },
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

export default defineConfig({
  test: {
    // Each test file starts worker threads of its own.
    maxWorkers: 2,
    projects: [
      inNode('node', ['test/contract/**/*.test.ts', 'test/node/**/*.test.ts']),
      inNode('package', ['test/package/**/*.test.ts']),
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
  }
}
