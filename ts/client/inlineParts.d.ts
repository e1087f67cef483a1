// What the build puts into the entry that is one file.
declare module '#inlined' {
  /** The kernels of the variant `simd`, gzipped, in base 64. */
  export const kernels: string;
  /** The program of a worker, a module. */
  export const workerProgram: string;
}
