// The code that wasm-bindgen writes around a module also fetches it, from an address that every bundler would follow and
// pack along. The package instantiates what it was given, so that part goes.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure, root } from './steps.mjs';

const fileOf = (/** @type {string} */ variant) => path.join(root, 'dist/wasm', variant, 'kwta.js');

/**
 * Takes the loader out of dist/wasm/<variant>/kwta.js, if it is still there.
 * @param {string} variant
 */
export function dropLoader(variant) {
  writeFileSync(fileOf(variant), withoutLoader(readFileSync(fileOf(variant), 'utf8')));
}

/** The package has the code around the threaded variants once. @throws {Failure} when it is not the same */
export function checkShared() {
  const [one, other] = ['simd-threads', 'relaxed-threads'].map((variant) => readFileSync(fileOf(variant), 'utf8'));
  if (one !== other) throw new Failure('the code around the two threaded WebAssembly modules is not the same.');
}

/**
 * @param {string} code
 * @returns {string}
 */
export function withoutLoader(code) {
  const functions = /^async function __wbg_(load|init|init_once)\(.*?^}\n\n?/gms;
  const rest = code
    .replace(functions, '')
    .replace(/^let __wbg_init_promise;\n/m, '')
    .replace('export { initSync, __wbg_init as default };', 'export { initSync };');
  if (/__wbg_(load|init)\b|import\.meta/.test(rest) || !rest.includes('export { initSync };')) {
    throw new Failure('the code around the WebAssembly modules is not what this version of wasm-bindgen wrote before.');
  }
  return rest;
}
