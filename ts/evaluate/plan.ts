/** What `evaluateRobustness` is asked for: its options checked, its attacks named. */
import { platform } from '#platform';
import { checkRadius, type Norm, norms } from '../attacks/core/norms.js';
import { type AttackSpec, attackOf, normOf } from '../attacks/table.js';
import { checkChoice, checkInteger, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { describe } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import { type NamedAttack, type Preset, presets, type Scope } from './presets.js';
import { checkShard, type Shard } from './shard.js';

/** Progress of one attack at one epsilon. */
export interface EvaluationProgress {
  /** The model, of several. */
  model?: string;
  /** The attack's name; `'curve'` for the radii of a security curve. */
  name: string;
  /** The radius that it is at. */
  epsilon: number;
  /** 0 to 1. */
  done: number;
  /** What the attack left (in a cascade: with those before it), once it is known. */
  accuracy?: number;
  /** Seconds until the whole evaluation is done, if the rest is as slow as what was done; once there is a guess. */
  secondsLeft?: number;
}

/** Options of `evaluateRobustness`. */
export interface EvaluateOptions {
  /** Radii in pixel units, all different; in l0 numbers of values, whole. */
  epsilons: number[];
  /** Of the attacks of a preset: `'linf'` by default. `'paper'` has none in l0. */
  norm?: Norm;
  /**
   * `'standard'` (the default): a cascade that is enough for an honest figure. `'quick'` is weaker and says so,
   * `'adaptive'` stronger against discontinuous networks, `'paper'` has the settings of Xiao, Zhong & Zheng (2020). Or a
   * list of attacks of one norm, with unique names.
   */
  attacks?: Preset | (AttackSpec | NamedAttack)[];
  /** How many samples, from the start of the data; all by default. */
  samples?: number;
  /** 0 by default. */
  seed?: number;
  /** Most queries of a sample by one attack at one epsilon, as in `model.attack`. */
  maxQueries?: number;
  /**
   * Where to write the adversarials that decide the worst case, as safetensors (Node only): by model and epsilon, those
   * of the first attack that broke each sample. They are held in memory until then.
   */
  adversarials?: string | URL;
  /**
   * A journal (Node only): what is done is kept there, so that the same call goes on where an evaluation was killed, to
   * the same report. It is left in place.
   */
  resume?: string | URL;
  /**
   * Only this part of the samples is attacked; the parts make the whole report by `mergeReports`. For models that always
   * answer alike, and without `adversarials`.
   */
  shard?: Shard;
  /** Stops the call, which then throws the reason of the signal. */
  signal?: AbortSignal;
  /** As in `model.attack`: what it throws, or the promise that it returns rejects with, ends the evaluation. */
  onProgress?: (progress: EvaluationProgress) => unknown;
}

const keys = [
  ...[
    'epsilons',
    'norm',
    'attacks',
    'samples',
    'seed',
    'maxQueries',
    'adversarials',
    'resume',
    'shard',
    'signal',
    'onProgress',
  ],
];

/** An attack of a report. */
export interface PlannedAttack {
  name: string;
  attack: AttackSpec;
  scope: Scope;
}

/** What is asked for, checked and complete. */
export interface Plan {
  epsilons: number[];
  norm: Norm;
  preset: Preset | null;
  attacks: PlannedAttack[];
  samples: number;
  seed: number;
  maxQueries: number | undefined;
}

/** @throws {ConfigError} naming the option. */
export function planOf(options: EvaluateOptions, test: Dataset): Plan {
  checkKeys('evaluateRobustness', options, keys);
  const { epsilons, samples = test.length, seed = 0, maxQueries, adversarials, resume, signal, onProgress } = options;
  if (!Array.isArray(epsilons) || epsilons.length === 0) {
    throw new ConfigError(`evaluateRobustness.epsilons: expected a list of radii, got ${describe(epsilons)}`);
  }
  const asked = askedOf(options, 'evaluateRobustness');
  checkInteger('evaluateRobustness.samples', samples, { min: 1, max: test.length });
  checkInteger('evaluateRobustness.seed', seed, { min: 0 });
  if (maxQueries !== undefined) checkInteger('evaluateRobustness.maxQueries', maxQueries, { min: 1 });
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.throwIfAborted !== 'function') {
    throw new ConfigError(`evaluateRobustness.signal: expected an AbortSignal, got ${describe(signal)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ConfigError(`evaluateRobustness.onProgress: expected a function, got ${describe(onProgress)}`);
  }
  const { shard } = options;
  if (shard !== undefined) checkShard('evaluateRobustness.shard', shard, samples);
  if (shard !== undefined && adversarials !== undefined) {
    throw new ConfigError(
      'evaluateRobustness.adversarials: expected none with shard, whose report holds figures alone',
    );
  }
  for (const [name, path] of Object.entries({ adversarials, resume })) {
    if (path === undefined) continue;
    checkPath(`evaluateRobustness.${name}`, path);
    const problem = platform.checkWritable(path);
    if (problem !== undefined) {
      throw new ConfigError(`evaluateRobustness.${name}: cannot write ${path}: ${problem}`);
    }
  }
  return { ...asked, samples, seed, maxQueries };
}

/**
 * The attacks and the radii that they are given, which fit each other whatever the data is.
 *
 * @param argument what holds the options.
 * @throws {ConfigError} naming the option.
 */
export function askedOf(
  options: Pick<EvaluateOptions, 'epsilons' | 'norm' | 'attacks'>,
  argument: string,
): Pick<Plan, 'epsilons' | 'norm' | 'preset' | 'attacks'> {
  const { epsilons } = options;
  const asked = attacksOf(options, argument);
  for (const epsilon of epsilons) checkRadius(`${argument}.epsilons`, epsilon, asked.norm);
  const twice = epsilons.find((epsilon, i) => epsilons.indexOf(epsilon) !== i);
  if (twice !== undefined) throw new ConfigError(`${argument}.epsilons: expected different radii, got ${twice} twice`);
  return { epsilons: [...epsilons], ...asked };
}

function attacksOf(
  { attacks = 'standard', norm }: Pick<EvaluateOptions, 'attacks' | 'norm'>,
  argument: string,
): Pick<Plan, 'norm' | 'preset' | 'attacks'> {
  if (norm !== undefined) checkChoice(`${argument}.norm`, norm, norms);
  if (typeof attacks === 'string' && Object.hasOwn(presets, attacks)) {
    const named: NamedAttack[] = presets[attacks](norm ?? 'linf');
    const list = named.map(({ scope = 'all', ...rest }) => ({ ...rest, scope }));
    return { norm: norm ?? 'linf', preset: attacks, attacks: list };
  }
  if (!Array.isArray(attacks) || attacks.length === 0) {
    const names = Object.keys(presets).map((name) => `'${name}'`);
    throw new ConfigError(
      `${argument}.attacks: expected ${names.join(' or ')} or a list of attacks, got ${describe(attacks)}`,
    );
  }
  const list = attacks.map((entry) => planned(entry, `${argument}.attacks`));
  const names = list.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ConfigError(`${argument}.attacks: expected unique names, got '${twice}' twice; write { name, attack }`);
  }
  const [first] = list;
  for (const { name, attack } of list) {
    const expected = norm ?? normOf(first.attack);
    if (normOf(attack) === expected) continue;
    const why = norm === undefined ? `as '${first.name}'` : 'as asked for';
    throw new ConfigError(
      `${argument}.attacks: expected one norm for all, ${expected} ${why}, got ${normOf(attack)} for '${name}'`,
    );
  }
  return { norm: normOf(first.attack), preset: null, attacks: list };
}

function planned(entry: AttackSpec | NamedAttack, argument: string): PlannedAttack {
  if (typeof entry !== 'object' || entry === null) {
    throw new ConfigError(`${argument}: expected attacks or { name, attack }, got ${describe(entry)}`);
  }
  // A wrapper has an attack too, but no name.
  if (!('name' in entry)) {
    const attack = attackOf(entry, argument);
    return { name: attack.type, attack, scope: 'all' };
  }
  const { name, attack, scope = 'all' } = entry;
  if (typeof name !== 'string' || name === '') {
    throw new ConfigError(`${argument}: expected a name that is text, got ${describe(name)}`);
  }
  checkChoice(`${argument}.scope`, scope, ['all', 'left']);
  return { name, attack: attackOf(attack, argument), scope };
}
