/** Options that name files of models, and their loading. */
import { basename } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
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

/** A file and what its model is called. */
export interface NamedFile {
  name: string;
  file: string;
}

/** A model and what it is called. */
export interface LoadedModel {
  name: string;
  model: Model;
}

/** `--model`, several times. */
export function modelOption(what: string): Option {
  return new Option('--model <[name=]file>', what).argParser(namedFile).makeOptionMandatory();
}

/** Parser of `FILE` or `name=FILE`, given once for each model; the name is that of the file when it is left out. */
function namedFile(text: string, before: readonly NamedFile[] = []): NamedFile[] {
  const [, name, file] = text.match(/^([^=/\\]+)=(.+)$/) ?? [];
  const own = file === undefined ? { name: basename(text).replace(/\.safetensors$/, ''), file: text } : { name, file };
  if (before.some((other) => other.name === own.name)) {
    throw new InvalidArgumentError(`there are two models named ${own.name}: write name=FILE.`);
  }
  return [...before, own];
}

/** Loads models and looks whether they take these images. @throws {UsageError} */
export async function loadModels(runtime: Runtime, files: readonly NamedFile[], data: Dataset): Promise<LoadedModel[]> {
  const models: LoadedModel[] = [];
  for (const { name, file } of files) {
    const model = await loadModel(runtime, '--model', file);
    checkFits('--model', model, data);
    models.push({ name, model });
  }
  return models;
}
