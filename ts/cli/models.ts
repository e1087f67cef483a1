/** Options that name files of models, and their loading. */
import { basename } from 'node:path';
import { DataError, type Dataset, type Model, type Runtime } from '../index.js';
import { UsageError } from './options.js';

/** Loads a model. @throws {UsageError} naming `option` when there is no such file, or it is no model's. */
export async function loadModel(runtime: Runtime, option: string, file: string): Promise<Model> {
  try {
    return await runtime.load(file);
  } catch (error) {
    if (error instanceof DataError) throw new UsageError(`${option}: ${error.message.replace(/^load: /, '')}`);
    throw error;
  }
}

/** @throws {UsageError} unless the model takes such images. */
export function checkFits(option: string, { input, classes }: Model, data: Dataset): void {
  const text = (shape: readonly number[]): string => shape.join(' x ');
  if (text(input) !== text(data.shape)) {
    throw new UsageError(
      `${option}: expected a model of images of ${text(data.shape)} (${data.name}), got one of ${text(input)}`,
    );
  }
  if (classes < data.classes) {
    throw new UsageError(
      `${option}: expected a model of ${data.classes} classes (${data.name}), got one of ${classes}`,
    );
  }
}

/** The name of a model whose file is all that is known of it. */
export function nameOfFile(file: string): string {
  return basename(file).replace(/\.safetensors$/, '');
}
