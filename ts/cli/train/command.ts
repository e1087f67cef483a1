/** `kwta train`: its options, and which run they mean. */
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { whyNotWritable } from '../../platform/nodeFiles.js';
import { differences, type TrainConfig } from '../../train/config.js';
import { interruptible } from '../interrupt.js';
import { type SetFlags, setOption, UsageError } from '../options.js';
import { formatJson } from '../output.js';
import { Progress } from '../progress.js';
import { familyHelp, type JsonSchema, membersOf, readSchema } from '../schemas.js';
import { type RunTask, runTraining } from './run.js';
import { RunFolder } from './runFolder.js';
import { type Flag, flagAt, nameOf, readConfigFile, resolve, type Source, settings } from './settings.js';

interface Flags extends SetFlags {
  config?: string;
  spec?: string;
  resume?: boolean;
  json?: boolean;
  printConfig?: boolean;
}

export function addTrainCommand(program: Command): void {
  const command = program
    .command('train')
    .summary('train a model, in a folder that keeps all about the run')
    .description(
      'Trains a model. The folder of the run gets its options, events, checkpoints and a page with curves that can be opened ' +
        'while it goes on. Ctrl-C writes a checkpoint and ends; --resume goes on to the same result.',
    )
    .addOption(new Option('--config <file>', 'options by name, as YAML or JSON; flags win over them'));
  for (const { flag, what } of settings) command.addOption(new Option(flag, what));
  command
    .option('--spec <file>', 'in place of --model: layers of your own, as nn.sequential gives them, as JSON or YAML')
    .addOption(setOption('any option by its name in a config; may be given several times', 'optimizer.momentum=0.9'))
    .option('--resume', "go on from the newest checkpoint in the run's folder, if there is a run")
    .option('--json', 'write every event as a line of JSON to standard output')
    .option('--print-config', 'write all options, with defaults, as a config, and do nothing')
    .addHelpText('after', () => `\n${help()}`)
    .action(train);
}

async function train(flags: Flags, command: Command): Promise<void> {
  const sources = await sourcesOf(flags);
  const given = flagsOf(command, flags);
  if (flags.printConfig) {
    process.stdout.write(formatJson(resolve(sources, given)));
    return;
  }
  const task = await taskOf(flags, sources, given);
  const progress = new Progress();
  await interruptible(
    (signal) => runTraining(task, progress, signal),
    () => progress.note('stopping, with a checkpoint; once more ends at once'),
  ).finally(() => progress.clear());
}

async function sourcesOf({ config, spec }: Flags): Promise<Source[]> {
  const sources: Source[] = [];
  if (config !== undefined) sources.push(await readConfigFile('--config', config));
  if (spec !== undefined) {
    const { name, config } = await readConfigFile('--spec', spec);
    sources.push({ name, config: { model: config } });
  }
  return sources;
}

function flagsOf(command: Command, { set }: Flags): Flag[] {
  const values = command.opts<Record<string, unknown>>();
  const own = settings.flatMap((setting): Flag[] => {
    const attribute = new Option(setting.flag).attributeName();
    if (command.getOptionValueSource(attribute) !== 'cli') return [];
    const { path, value } = setting;
    if (value !== undefined) return [{ name: nameOf(setting), path: path.split('.'), value }];
    return [flagAt(nameOf(setting), path, String(values[attribute]))];
  });
  return [...own, ...set.map(([path, text]) => flagAt(`--set ${path}`, path, text))];
}

/** The run that is meant. @throws {UsageError} before anything has been written. */
async function taskOf(flags: Flags, sources: readonly Source[], given: readonly Flag[]): Promise<RunTask> {
  const said = (key: string): string | undefined => {
    const flag = given.findLast(({ path }) => path.join('.') === key)?.value;
    return (flag ?? sources.findLast(({ config }) => config[key] !== undefined)?.config[key]) as string | undefined;
  };
  const out = said('out');
  const path = said('run') ?? (out === undefined ? undefined : `${String(out).replace(/\.[^./\\]+$/, '')}.run`);
  if (path === undefined) {
    // Whatever else is wrong is told first.
    resolve(sources, given);
    throw new UsageError("--run: expected the run's folder, or --out, got neither");
  }
  const folder = new RunFolder(String(path));
  const resume = flags.resume === true && folder.holdsRun;
  const json = flags.json === true;
  if (resume) return { config: await resumedConfig(folder, sources, given), folder, resume, json };
  const config = resolve(sources, given);
  folder.checkFree();
  checkOut(config);
  return { config: { ...config, run: folder.path }, folder, resume, json };
}

function checkOut({ out }: TrainConfig): void {
  if (out === undefined) return;
  const problem = existsSync(out) ? 'it is there already' : whyNotWritable(out);
  if (problem !== undefined) throw new UsageError(`--out: cannot write ${out}: ${problem}`);
}

/** The run's own options, with what was said now. @throws {UsageError} naming what would lead to other results. */
async function resumedConfig(
  folder: RunFolder,
  sources: readonly Source[],
  given: readonly Flag[],
): Promise<TrainConfig> {
  const own = await readConfigFile('--resume', folder.config);
  const before = resolve([own], []);
  const now = resolve([own, ...sources], given);
  const changed = differences(now, before).map(
    ({ path, now, before }) => `${path}: expected ${text(before)}, as in the run so far, got ${text(now)}`,
  );
  if (changed.length > 0) throw new UsageError(`--resume: ${folder.config}: ${changed.join('; ')}`);
  return { ...now, run: folder.path };
}

const text = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

/** What can be set of each member of the families in a config. */
function help(): string {
  const { properties = {} } = readSchema('train');
  const families = Object.entries(properties).flatMap(([key, schema]): [string, Record<string, JsonSchema>][] => {
    const { items } = schema;
    const own = { ...membersOf(schema), ...(items === undefined || Array.isArray(items) ? {} : membersOf(items)) };
    return Object.keys(own).length === 0 ? [] : [[key, own]];
  });
  const texts = families.map(([key, members]) => `${key}:\n${familyHelp(members, 'name')}`);
  return (
    'Where a name is wanted, values may follow: kwta:0.1:channel, step:30, padCrop:4; --set sets all else, such as\n' +
    `--set regime.attack.steps=10. What there is, with defaults, by its place in a config:\n\n${texts.join('\n\n')}\n`
  );
}
