// The check of the dependency arrow finds each kind of violation, and none in this repository.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { checkDependencyArrow } from '../../scripts/check-dependency-arrow.mjs';

const folders: string[] = [];

function checkout(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'kwta-arrow-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('checkDependencyArrow', () => {
  test('accepts this repository', () => {
    expect(checkDependencyArrow(fileURLToPath(new URL('../../', import.meta.url)))).toEqual([]);
  });

  test('accepts imports from the left and from the own folder', () => {
    const root = checkout({
      'ts/base/errors.ts': '',
      'ts/kernels/load.ts': "import '../wasm/simd/kwta.js';\nimport { ShapeError } from '../base/errors.js';",
      'ts/ops/conv2d.ts': "import type { Kernels } from '../kernels/load.js';\nimport {\n  rule,\n} from './op.js';",
      'ts/index.ts': "export { x } from './ops/conv2d.js';\nconst platform = await import('#platform');",
      'ts/cli/main.ts': "import { readFile } from 'node:fs/promises';\nimport { x } from '../index.js';",
    });
    expect(checkDependencyArrow(root)).toEqual([]);
  });

  test.each([
    ['an import from the right', 'ts/ops/a.ts', "import { plan } from '../graph/plan.js';"],
    ['a type from the right', 'ts/ops/a.ts', "import type { Plan } from '../graph/plan.js';"],
    ['a type in an expression', 'ts/ops/a.ts', "type Plan = import('../graph/plan.js').Plan;"],
    ['a re-export from the right', 'ts/nn/a.ts', "export * from '../train/fit.js';"],
    ['an import over several lines', 'ts/nn/a.ts', "import {\n  fit,\n  type Run,\n} from '../train/fit.js';"],
    ['a base file that imports a folder', 'ts/base/tensor.ts', "import { op } from '../ops/op.js';"],
    ['generated code outside kernels', 'ts/ops/a.ts', "import '../wasm/simd/kwta.js';"],
    ['a folder without a place', 'ts/misc/a.ts', ''],
    ['a node: module in the browser', 'ts/index.ts', "import { readFileSync } from 'node:fs';"],
    ['internals in the command line', 'ts/cli/a.ts', "import { ConfigError } from '../base/errors.js';"],
    ['unsafe code outside its places', 'crates/kernels/src/loss.rs', 'fn f() { unsafe { g() } }'],
    ['wasm-bindgen in the kernels', 'crates/kernels/Cargo.toml', '[dependencies]\nwasm-bindgen = "0.2"'],
  ])('finds %s', (_, file, text) => {
    const violations = checkDependencyArrow(checkout({ [file]: text }));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(file.split('/')[1]);
  });

  test('follows imports to a node: module that a browser would load', () => {
    const root = checkout({
      'ts/index.ts': "import { load } from './io/files.js';\nexport { load };",
      'ts/io/files.ts': "import { readFile } from 'node:fs/promises';\nexport const load = readFile;",
    });
    expect(checkDependencyArrow(root)).toEqual([
      'ts/io/files.ts imports node:fs/promises, and a browser that loads the package reaches it',
    ]);
  });

  test('allows wasm-bindgen-test as a development dependency, and the word unsafe in comments', () => {
    const root = checkout({
      'crates/kernels/Cargo.toml': '[target.wasm.dev-dependencies]\nwasm-bindgen-test = "0.3"',
      'crates/kernels/src/loss.rs': '// nothing unsafe here\n#![deny(unsafe_op_in_unsafe_fn)]',
    });
    expect(checkDependencyArrow(root)).toEqual([]);
  });
});
