/** How a runtime starts, from whatever its kernels and its workers' program come. */
import { platform } from '#platform';
import { checkChoice, checkInteger, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { chooseVariant, variants } from '../kernels/variant.js';
import { maxThreads } from '../platform/platform.js';
import { Connection } from './connection.js';
import { countCopy } from './copies.js';
import type { Kit } from './kit.js';
import { Runtime, type RuntimeOptions } from './runtime.js';

let saidSingle = false;

/** `createRuntime` of an entry of the package, which has `kit`. */
export async function startRuntime(kit: Kit, options: RuntimeOptions): Promise<Runtime> {
  checkKeys('createRuntime', options, ['threads', 'deterministic', 'variant']);
  const { threads = platform.concurrency(), deterministic = false, variant: asked } = options;
  checkInteger('createRuntime.threads', threads, { min: 1, max: maxThreads });
  if (asked !== undefined) checkChoice('createRuntime.variant', asked, variants);
  if (asked !== undefined && kit.variant !== undefined && asked !== kit.variant) {
    throw new ConfigError(`createRuntime.variant: expected '${kit.variant}', the only one here, got '${asked}'`);
  }
  const wanted = asked ?? kit.variant;
  if (wanted === 'simd' && (options.threads ?? 1) > 1) {
    throw new ConfigError(`createRuntime.threads: expected 1 for the variant 'simd', got ${threads}`);
  }
  if (deterministic && wanted === 'relaxed-threads') {
    throw new ConfigError(
      "createRuntime.variant: expected 'simd' or 'simd-threads' with deterministic, got 'relaxed-threads', whose last " +
        'bits depend on the machine',
    );
  }
  // Before anything is loaded: a stand-in for a browser has not what workers are spoken to with.
  if (typeof MessageChannel === 'undefined') {
    throw new ConfigError(
      'createRuntime: expected Node or a browser with workers and MessageChannel, found none; under Jest with jsdom begin the ' +
        'test file with /** @jest-environment node */',
    );
  }
  const variant = await chooseVariant({ deterministic, wanted });
  const shared = variant !== 'simd';
  const used = shared ? threads : 1;
  if (wanted === undefined && used < threads) saySingle(threads, options.threads !== undefined);
  countCopy();
  const connection = await Connection.open(kit, variant, used);
  return new Runtime(connection, { variant, threads: used, shared });
}

/** Says once why there is one thread only; aloud where more were asked for. */
function saySingle(threads: number, aloud: boolean): void {
  if (saidSingle) return;
  saidSingle = true;
  console[aloud ? 'warn' : 'info'](
    `kwta: running on one thread, not ${threads}, for this page has no shared memory: it needs the headers ` +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp; docs/threads.md has other ways',
  );
}
