// Runtimes and models are disposables, which the default library of most targets does not know.
/// <reference lib="esnext.disposable" preserve="true" />
/** `kwta/slim`: the same package, which fetches no kernels by itself. */

export * from './api.js';
export { createRuntime, type InitializeOptions, initialize, type KernelSource } from './client/slim.js';
