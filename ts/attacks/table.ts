/** All attacks as plain data: descriptors by type, and the one schema that an attack from anywhere is parsed with. */
import { family, parse, refined, type Schema, variant } from '../base/schema.js';
import { type EstimatedGradientSpec, estimatedGradientDescriptor } from './blackBox/estimatedGradient.js';
import { type SquareSpec, squareDescriptor } from './blackBox/square.js';
import { type AdaptiveKwtaSpec, adaptiveKwtaDescriptor } from './cascades/adaptiveKwta.js';
import { type AutoAttackSpec, autoAttackDescriptor } from './cascades/autoAttack.js';
import type { AttackTraits } from './core/attack.js';
import type { Norm } from './core/norms.js';
import { type BoundarySpec, boundaryDescriptor } from './decisions/boundary.js';
import { type GeoDaSpec, geoDaDescriptor } from './decisions/geoDa.js';
import { type HopSkipJumpSpec, hopSkipJumpDescriptor } from './decisions/hopSkipJump.js';
import { type RaysSpec, raysDescriptor } from './decisions/rays.js';
import { type SignOptSpec, signOptDescriptor } from './decisions/signOpt.js';
import { type ApgdSpec, apgdDescriptor } from './fixed/apgd.js';
import { type BimSpec, bimDescriptor } from './fixed/bim.js';
import { type FgsmSpec, fgsmDescriptor } from './fixed/fgsm.js';
import { type MimSpec, mimDescriptor } from './fixed/mim.js';
import { type NoiseSpec, noiseDescriptor } from './fixed/noise.js';
import { type PgdSpec, pgdDescriptor } from './fixed/pgd.js';
import { type CarliniWagnerSpec, carliniWagnerDescriptor } from './minimal/carliniWagner.js';
import { type DdnSpec, ddnDescriptor } from './minimal/ddn.js';
import { type DeepFoolSpec, deepFoolDescriptor } from './minimal/deepFool.js';
import { type FabSpec, fabDescriptor } from './minimal/fab.js';
import { type FmnSpec, fmnDescriptor } from './minimal/fmn.js';
import { type PdpgdSpec, pdpgdDescriptor } from './minimal/pdpgd.js';
import { type SigmaZeroSpec, sigmaZeroDescriptor } from './minimal/sigmaZero.js';
import { type BpdaSpec, bpdaDescriptor } from './wrappers/bpda.js';
import { type MinimalSpec, minimalDescriptor } from './wrappers/minimal.js';
import { type RestartsSpec, restartsDescriptor } from './wrappers/restarts.js';
import { type SmoothedSpec, smoothedDescriptor } from './wrappers/smoothed.js';
import { type TransferSpec, transferDescriptor } from './wrappers/transfer.js';

/** Any attack, as plain data. Written out, for wrappers hold attacks. */
export type AttackSpec =
  | AdaptiveKwtaSpec
  | ApgdSpec
  | AutoAttackSpec
  | BimSpec
  | BpdaSpec
  | CarliniWagnerSpec
  | DdnSpec
  | DeepFoolSpec
  | EstimatedGradientSpec
  | FabSpec
  | FgsmSpec
  | FmnSpec
  | BoundarySpec
  | RaysSpec
  | SignOptSpec
  | GeoDaSpec
  | HopSkipJumpSpec
  | MinimalSpec
  | MimSpec
  | NoiseSpec
  | PdpgdSpec
  | PgdSpec
  | RestartsSpec
  | SigmaZeroSpec
  | SmoothedSpec
  | SquareSpec
  | TransferSpec;

export const attackDescriptors = family({
  fgsm: fgsmDescriptor,
  bim: bimDescriptor,
  mim: mimDescriptor,
  pgd: pgdDescriptor,
  apgd: apgdDescriptor,
  noise: noiseDescriptor,
  deepFool: deepFoolDescriptor,
  fab: fabDescriptor,
  carliniWagner: carliniWagnerDescriptor,
  ddn: ddnDescriptor,
  fmn: fmnDescriptor,
  sigmaZero: sigmaZeroDescriptor,
  pdpgd: pdpgdDescriptor,
  estimatedGradient: estimatedGradientDescriptor,
  square: squareDescriptor,
  boundary: boundaryDescriptor,
  rays: raysDescriptor,
  signOpt: signOptDescriptor,
  geoDa: geoDaDescriptor,
  hopSkipJump: hopSkipJumpDescriptor,
  transfer: transferDescriptor,
  bpda: bpdaDescriptor,
  smoothed: smoothedDescriptor,
  restarts: restartsDescriptor,
  autoAttack: autoAttackDescriptor,
  adaptiveKwta: adaptiveKwtaDescriptor,
  minimal: minimalDescriptor,
});

/** Any attack. */
export const attackSchema = variant(attackDescriptors, 'an attack made by attacks.*');

/** An attack that needs no model but the one it is made on. */
export const sourceless: Schema<AttackSpec> = refined(attackSchema as Schema<AttackSpec>, (spec) =>
  sourcesOf(spec).length > 0 ? `expected an attack without a source of its own, got '${spec.type}'` : undefined,
);

/** An attack along the gradient of the model that is attacked, which another gradient can stand in for. */
export const followsGradient: Schema<AttackSpec> = refined(sourceless, (spec) =>
  ['exact', 'surrogate'].includes(traitsOf(spec).gradient)
    ? undefined
    : `expected an attack along the model's gradient, got '${spec.type}'`,
);

/** Likewise, whose gradients are not smoothed already. */
export const unsmoothed: Schema<AttackSpec> = refined(followsGradient, (spec) =>
  within(spec).some(({ type }) => type === 'smoothed') ? "expected an attack without 'smoothed', got one" : undefined,
);

/** An attack and those inside it, from the outside in. */
function within(spec: AttackSpec): AttackSpec[] {
  const inner = 'attack' in spec ? [spec.attack] : 'attacks' in spec ? (spec.attacks ?? []) : [];
  return [spec, ...inner.flatMap(within)];
}

/** An attack that looks inside a ball of a given radius. */
export const fixedRadius: Schema<AttackSpec> = refined(attackSchema as Schema<AttackSpec>, (spec) =>
  traitsOf(spec).family === 'minimal' ? `expected an attack of a fixed radius, got '${spec.type}'` : undefined,
);

/** An attack from anywhere. @throws {ConfigError} naming all that is wrong with it. */
export function attackOf(value: unknown, argument = 'attack'): AttackSpec {
  return parse(attackSchema, value, argument);
}

/** What is true of an attack; what its type leaves open is as in the attack inside. */
export function traitsOf(spec: AttackSpec): AttackTraits {
  const own: Partial<AttackTraits> = attackDescriptors[spec.type].traits;
  const inner = 'attack' in spec ? traitsOf(spec.attack) : undefined;
  return { ...inner, ...own } as AttackTraits;
}

/** Norm of an attack's ball: a wrapper's is that of what it wraps. */
export function normOf(spec: AttackSpec): Norm {
  return 'attack' in spec ? normOf(spec.attack) : spec.norm;
}

/** Ids of the models that an attack is made on, beside the one that is attacked. */
export function sourcesOf(spec: AttackSpec): string[] {
  return within(spec).flatMap((each) => ('source' in each && each.source !== undefined ? [each.source] : []));
}
