// Runtimes and models are disposables, which the default library of most targets does not know.
/// <reference lib="esnext.disposable" preserve="true" />
/** k-Winners-Take-All networks in WebAssembly: train them, attack them, measure how robust they are. */

export * from './api.js';
export { createRuntime } from './client/whole.js';
