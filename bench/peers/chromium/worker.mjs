/**
 * The worker of the page: the package's kernels, whole steps through its public API, and the peak of the engine. The
 * first message says how many threads there are and where the peak modules are; the others are requests.
 */
import { createRuntime } from '../../../dist/index.js';
import { platform } from '../../../dist/platform/browser.js';
import { ownWorker } from '../../../dist/platform/ownWorker.browser.js';
import { conversation } from '../conversation.mjs';
import { kernelTasks, startKernels } from '../packageKernels.mjs';
import { steps } from '../packageSteps.mjs';
import { compile, startPeak } from '../peak/team.mjs';

/** @param {string} file */
const address = (file) => `/exchange?file=${encodeURIComponent(file)}`;

/** @param {string} file */
async function read(file) {
  const response = await fetch(address(file));
  if (!response.ok) throw new Error(`cannot read ${file}: HTTP ${response.status}`);
  return response.arrayBuffer();
}

/** All inputs of a task. @param {import('../conversation.mjs').Spec} spec */
async function open({ dir }) {
  const names = await (await fetch('/exchange')).json();
  const inputs = new Map(
    await Promise.all(
      names.map(async (/** @type {string} */ name) => [name, new Float32Array(await read(`${dir}/${name}.f32`))]),
    ),
  );
  return (/** @type {string} */ name) => inputs.get(name).slice();
}

/**
 * @param {string} file
 * @param {Float32Array} data
 */
const save = (file, data) => fetch(address(file), { method: 'POST', body: /** @type {BufferSource} */ (data) });

/** @param {{ threads: number, peaks: string[] }} options */
async function start({ threads, peaks }) {
  const runtime = await createRuntime({ threads });
  const { variant } = runtime.info;
  const kernels = await startKernels(platform, ownWorker, variant, threads);
  const modules = await compile(await Promise.all(peaks.map(read)));
  const help = (/** @type {import('../peak/team.mjs').Helper} */ helper) =>
    new Worker(new URL('./helper.mjs', import.meta.url), { type: 'module' }).postMessage(helper);
  const { peak, loaders } = startPeak(modules, threads, help, variant === 'relaxed-threads');
  const versions = { chromium: /Chrome\/([\d.]+)/.exec(navigator.userAgent)?.[1] ?? 'unknown', variant };
  return conversation({
    versions,
    loaders: { ...kernelTasks(kernels), ...loaders, step: steps(runtime) },
    open,
    save,
    peak,
  });
}

/** @type {((line: string) => Promise<object>) | undefined} */
let answer;
globalThis.onmessage = async ({ data }) => {
  if (answer) return postMessage(await answer(data));
  try {
    answer = await start(data);
    postMessage({});
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
