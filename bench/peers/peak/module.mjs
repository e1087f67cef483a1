/**
 * WebAssembly modules that show what an engine can do at best: multiply-adds that wait for nothing but each other,
 * and copies.
 *
 *   peak(rounds) -> f32               `chains` independent c = c * a + b per round, four floats each; the result only
 *                                     keeps the engine from leaving them out
 *   copy(to, from, bytes, times)      loads and stores of four floats; bytes: a multiple of 64
 */
import binaryen from 'binaryen';
import { chains } from './team.mjs';

/**
 * The bytes of a module that computes c * a + b by a multiplication and an addition, or by relaxed multiply-add.
 * @param {{ relaxed: boolean }} options
 */
export function peakModule({ relaxed }) {
  const module = binaryen.parseText(text(relaxed));
  module.setFeatures(binaryen.Features.All);
  try {
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

/** @param {boolean} relaxed */
function text(relaxed) {
  const names = Array.from({ length: chains }, (_, i) => `$c${i}`);
  const all = (/** @type {(name: string, i: number) => string} */ line) => names.map(line).join('\n');
  const steps = relaxed
    ? all((c) => `(local.set ${c} (f32x4.relaxed_madd (local.get ${c}) (local.get $a) (local.get $b)))`)
    : `${all((c) => `(local.set ${c} (f32x4.mul (local.get ${c}) (local.get $a)))`)}
       ${all((c) => `(local.set ${c} (f32x4.add (local.get ${c}) (local.get $b)))`)}`;
  const sum = names.reduce((sum, c) => `(f32x4.add ${sum} (local.get ${c}))`, '(local.get $b)');
  const copy = [0, 16, 32, 48]
    .map((at) => `(v128.store offset=${at} (local.get $to) (v128.load offset=${at} (local.get $from)))`)
    .join('\n');
  return `(module
    (memory (export "memory") 1)
    (func (export "peak") (param $rounds i32) (param $factor f32) (param $term f32) (result f32)
      (local $a v128) (local $b v128) ${all((c) => `(local ${c} v128)`)}
      (local.set $a (f32x4.splat (local.get $factor)))
      (local.set $b (f32x4.splat (local.get $term)))
      ${all((c, i) => `(local.set ${c} (f32x4.splat (f32.const ${i + 1})))`)}
      (loop $next
        ${steps}
        (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
      (f32x4.extract_lane 0 ${sum}))
    (func (export "copy") (param $first i32) (param $source i32) (param $bytes i32) (param $times i32)
      (local $to i32) (local $from i32) (local $end i32)
      (loop $again
        (local.set $to (local.get $first))
        (local.set $from (local.get $source))
        (local.set $end (i32.add (local.get $source) (local.get $bytes)))
        (loop $next
          ${copy}
          (local.set $to (i32.add (local.get $to) (i32.const 64)))
          (br_if $next
            (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 64))) (local.get $end))))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))`;
}
