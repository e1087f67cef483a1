// npm run weights [-- folder]: reads files that PyTorch writes and compares logits; imports networks that PyTorch exports to ONNX, and
// ONNX's own tests of the operators; exports the zoo, reads it again, and compares with ONNX Runtime, for Python and for Node. Needs a
// Python (KWTA_PYTHON) with torch, torchvision, onnx, onnxscript and onnxruntime.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../build.mjs';
import { Failure, main, note, stage } from '../lib/steps.mjs';
import { logitsInNode } from './nodeRuntime.mjs';

const python = process.env.KWTA_PYTHON ?? 'python3';
const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const parts = ['weights', 'exported', 'operators'];

/** Logits differ by less, of the largest of their sample or of 1. */
const TOLERANCE = 1e-4;

/**
 * A sample agrees, or its farthest logit tells by how much not.
 * @param {ArrayLike<number>} got
 * @param {readonly number[]} wanted
 * @param {number} samples
 */
function compared(got, wanted, samples) {
  if (got.length !== wanted.length) throw new Failure(`expected ${wanted.length} values, got ${got.length}`);
  const size = wanted.length / samples;
  let agree = 0;
  let most = 0;
  for (let s = 0; s < samples; s++) {
    const own = wanted.slice(s * size, (s + 1) * size);
    const yardstick = Math.max(1, ...own.map(Math.abs));
    const far = Math.max(...own.map((value, i) => Math.abs(got[s * size + i] - value) / yardstick));
    if (far < TOLERANCE) [agree, most] = [agree + 1, Math.max(most, far)];
  }
  return { agree, most };
}

await main(async () => {
  const folder = process.argv[2] ?? mkdtempSync(path.join(tmpdir(), 'kwta-weights-'));
  await build();
  const { createRuntime, DataError, exportOnnx, importOnnx, nn, ShapeError } = await import('../../dist/index.js');
  const { identify } = await import('../../dist/io/models.js');
  const { readWeights } = await import('../../dist/io/weights.js');

  const missing = parts.filter((part) => !existsSync(path.join(folder, `${part}.json`)));
  if (missing.length > 0) {
    await stage(`Make files with PyTorch in ${folder}`, async () => {
      execFileSync(python, [here('make.py'), folder, ...missing], { stdio: 'inherit' });
    });
  }
  const at = (/** @type {string} */ name) => path.join(folder, name);
  const cases = Object.fromEntries(parts.map((part) => [part, JSON.parse(readFileSync(at(`${part}.json`), 'utf8'))]));
  const pixels = (/** @type {string} */ name, /** @type {number[]} */ shape) => {
    const bytes = readFileSync(at(name));
    return { shape, data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)) };
  };
  const runtime = await createRuntime({ threads: 1, deterministic: true });
  const problems = /** @type {string[]} */ ([]);
  const exports = /** @type {{ name: string, file: string, x: string, shape: number[], logits: number[] }[]} */ ([]);

  await stage('Weights of PyTorch: logits here and there', async () => {
    for (const { name, file, shape, gamma, ...logits } of cases.weights) {
      const { tensors } = await readWeights('weights', at(file));
      const { model: found } = identify(tensors);
      if (found === undefined) {
        problems.push(`${name}: not recognised`);
        continue;
      }
      const x = pixels(`${name}.x`, shape);
      for (const kind of /** @type {const} */ (['relu', 'kwta'])) {
        const activation = kind === 'relu' ? nn.relu() : nn.kwta({ gamma });
        const [, c, h, w] = shape;
        const model = await runtime.load(at(file), { spec: found.withActivation(activation, [c, h, w]) });
        const { data } = await model.logits(x);
        const { agree, most } = compared(data, logits[kind], shape[0]);
        note(`${name}, ${kind}: ${agree} of ${shape[0]} samples within ${most.toExponential(1)}; ${found.text}`);
        if (agree < (kind === 'relu' ? shape[0] : shape[0] / 2))
          problems.push(`${name}, ${kind}: ${agree} samples agree`);
        const own = `${name}-${kind}.onnx`;
        writeFileSync(at(own), await exportOnnx(model));
        exports.push({ name: own, file: own, x: `${name}.x`, shape, logits: Array.from(data) });
        await model.dispose();
      }
    }
  });

  await stage('Networks of PyTorch in ONNX', async () => {
    for (const { name, file, shape, logits } of cases.exported) {
      try {
        const [, c, h, w] = shape;
        const { spec, stateDict } = await importOnnx(at(file), { input: [c, h, w] });
        const model = await runtime.model(spec);
        await model.loadStateDict(stateDict);
        const { agree, most } = compared((await model.logits(pixels(`${file}.x`, shape))).data, logits, shape[0]);
        note(`${name}: ${agree} of ${shape[0]} samples within ${most.toExponential(1)}`);
        if (agree < shape[0]) problems.push(`${name}: ${agree} samples agree`);
        await model.dispose();
      } catch (error) {
        problems.push(`${name}: ${/** @type {Error} */ (error).message}`);
      }
    }
  });

  await stage("ONNX's tests of operators", async () => {
    let right = 0;
    const refused = [];
    for (const { name, file, shape, output } of cases.operators) {
      const [n, c, h = 1, w = 1] = shape;
      try {
        const { spec, stateDict } = await importOnnx(at(file), { input: [c, h, w] });
        const flat = nn.sequential([...spec.layers, nn.flatten()], { input: [c, h, w] });
        const model = await runtime.model(flat);
        await model.loadStateDict(stateDict);
        const { data } = await model.logits(pixels(`${name}.x`, [n, c, h, w]));
        await model.dispose();
        const { agree } = compared(data, output, n);
        if (agree === n) right++;
        else problems.push(`${name}: ${agree} of ${n} samples agree`);
      } catch (error) {
        if (!(error instanceof DataError || error instanceof ShapeError))
          problems.push(`${name}: ${/** @type {Error} */ (error).message}`);
        else refused.push(`${name}: ${error.message.replace(/^.*?here: /, '')}`);
      }
    }
    note(`${right} of ${cases.operators.length} give what they should; refused:`);
    for (const text of refused) note(`  ${text}`);
  });

  await stage('Networks from here in ONNX, and in again', async () => {
    for (const { name, file, x, shape, logits } of exports) {
      const { spec, stateDict } = await importOnnx(at(file));
      const model = await runtime.model(spec);
      await model.loadStateDict(stateDict);
      const { data } = await model.logits(pixels(x, shape));
      await model.dispose();
      const { agree, most } = compared(data, logits, shape[0]);
      note(`${name}: ${agree} of ${shape[0]} samples within ${most.toExponential(1)}`);
      if (agree < shape[0]) problems.push(`${name}, in again: ${agree} samples agree`);
    }
  });

  /** @type {(runtime: string, results: ArrayLike<number>[]) => void} */
  const judge = (runtime, results) => {
    for (const [i, { name, shape, logits }] of exports.entries()) {
      const { agree, most } = compared(results[i], logits, shape[0]);
      note(`${name}: ${agree} of ${shape[0]} samples within ${most.toExponential(1)}`);
      if (agree < (name.includes('relu') ? shape[0] : shape[0] / 2))
        problems.push(`${name}, ${runtime}: ${agree} samples agree`);
    }
  };

  await stage('The same in ONNX Runtime', async () => {
    writeFileSync(at('exports.json'), JSON.stringify(exports));
    const { results, versions } = JSON.parse(execFileSync(python, [here('check.py'), folder], { encoding: 'utf8' }));
    note(`onnx ${versions[0]}, which checked all of them; ONNX Runtime ${versions[1]}`);
    judge(
      'Python',
      results.map((/** @type {{ logits: number[] }} */ { logits }) => logits),
    );
  });

  await stage('The same in ONNX Runtime for Node', async () => {
    const { version, logits } = await logitsInNode(folder, exports);
    note(`onnxruntime-node ${version}`);
    judge('Node', logits);
  });

  await runtime.dispose();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) throw new Failure(`${problems.length} files do not give what they should`);
});
