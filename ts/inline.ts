// Runtimes and models are disposables, which the default library of most targets does not know.
/// <reference lib="esnext.disposable" preserve="true" />
/** `kwta/inline`: the same package in one file, with the kernels of one thread in it. */

export * from './api.js';
export { createRuntime } from './client/inline.js';
