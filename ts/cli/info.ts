/** `kwta info`: what this machine offers and what a runtime would use; or what a model is made of. */
import { availableParallelism, cpus } from 'node:os';
import type { Command } from 'commander';
import { relaxedSimd, simd } from 'wasm-feature-detect';
import { createRuntime } from '../index.js';
import { platform } from '../platform/node.js';
import { modelInfo, modelText } from './modelInfo.js';
import { addJsonOption, addRuntimeOptions, type RuntimeFlags } from './options.js';
import { formatJson, writeText } from './output.js';
import { packageVersion } from './version.js';
import { addWeightOptions, readWeightFile, type WeightFlags, weightInfo, weightText } from './weightModel.js';

export function addInfoCommand(program: Command): void {
  const command = program
    .command('info')
    .summary('versions, what this machine offers, what is used of it; or the layers of a model')
    .description(
      'Shows versions, what this machine offers and what a runtime would use of it. With a file: the layers of its model, ' +
        'their winners, multiply-adds and memory, and how it was trained where the file says so.',
    )
    .argument('[file]', 'of a model, as model.save writes it, or of weights: .pth, .safetensors, .npz');
  addJsonOption(addRuntimeOptions(addWeightOptions(command)), 'write the same as JSON').action(show);
}

type Flags = RuntimeFlags & WeightFlags & { json?: string };

async function show(file: string | undefined, { json, threads, deterministic, ...flags }: Flags): Promise<void> {
  const runtime = { threads, deterministic };
  const { text, info } = file === undefined ? await ofMachine(runtime) : await ofFile(file, flags, runtime);
  console.log(text);
  if (json !== undefined) await writeText(json, formatJson(info));
}

async function ofMachine(options: RuntimeFlags) {
  const info = await gather(options);
  return { text: describe(info), info };
}

async function ofFile(file: string, flags: WeightFlags, options: RuntimeFlags) {
  const found = await readWeightFile('info', file, flags);
  const { spec, own, tensors } = found;
  if (spec === undefined) return { text: weightText(found), info: weightInfo(found) };
  await using runtime = await createRuntime(options);
  const model = await runtime.model(spec);
  await model.loadStateDict(tensors);
  const info = await modelInfo(model, file, own);
  return { text: own === undefined ? `${weightText(found)}\n${modelText(info)}` : modelText(info), info };
}

async function gather(options: RuntimeFlags) {
  await using runtime = await createRuntime(options);
  return {
    kwta: packageVersion(),
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    wasm: { simd: await simd(), relaxedSimd: await relaxedSimd() },
    runtime: runtime.info,
    data: { KWTA_DATA: process.env.KWTA_DATA ?? null, cache: platform.cacheFolder() },
  };
}

function describe(info: Awaited<ReturnType<typeof gather>>): string {
  const { runtime, wasm, data } = info;
  const yes = (value: boolean): string => (value ? 'yes' : 'no');
  const rows = [
    ['kwta', info.kwta],
    ['Node', `${info.node} (V8 ${info.v8}), ${info.platform}`],
    ['processor', `${info.cpu}, ${info.cores} threads at once`],
    ['WebAssembly', `SIMD ${yes(wasm.simd)}, relaxed SIMD ${yes(wasm.relaxedSimd)}`],
    ['runtime', `variant ${runtime.variant}, threads ${runtime.threads}, shared memory ${yes(runtime.shared)}`],
    ['data', `KWTA_DATA ${data.KWTA_DATA ?? 'not set'}; downloads go to ${data.cache}`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)}${value}`).join('\n');
}
