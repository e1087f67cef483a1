/** The procedures of all attacks, by type. An attack without one is a type error. */
import { estimatedGradient } from './blackBox/estimatedGradient.js';
import { square } from './blackBox/square.js';
import { adaptiveKwta } from './cascades/adaptiveKwta.js';
import { autoAttack } from './cascades/autoAttack.js';
import type { Attack } from './core/attack.js';
import { boundary } from './decisions/boundary.js';
import { geoDa } from './decisions/geoDa.js';
import { hopSkipJump } from './decisions/hopSkipJump.js';
import { rays } from './decisions/rays.js';
import { signOpt } from './decisions/signOpt.js';
import { apgd } from './fixed/apgd.js';
import { bim } from './fixed/bim.js';
import { fgsm } from './fixed/fgsm.js';
import { mim } from './fixed/mim.js';
import { noise } from './fixed/noise.js';
import { pgd } from './fixed/pgd.js';
import { carliniWagner } from './minimal/carliniWagner.js';
import { ddn } from './minimal/ddn.js';
import { deepFool } from './minimal/deepFool.js';
import { fab } from './minimal/fab.js';
import { fmn } from './minimal/fmn.js';
import { pdpgd } from './minimal/pdpgd.js';
import { sigmaZero } from './minimal/sigmaZero.js';
import type { AttackSpec } from './table.js';
import { bpda } from './wrappers/bpda.js';
import { minimal } from './wrappers/minimal.js';
import { restarts } from './wrappers/restarts.js';
import { smoothed } from './wrappers/smoothed.js';
import { transfer } from './wrappers/transfer.js';

const implementations: { [Type in AttackSpec['type']]: Attack<Extract<AttackSpec, { type: Type }>> } = {
  fgsm,
  bim,
  mim,
  pgd,
  apgd,
  noise,
  deepFool,
  fab,
  carliniWagner,
  ddn,
  fmn,
  sigmaZero,
  pdpgd,
  estimatedGradient,
  square,
  boundary,
  rays,
  signOpt,
  geoDa,
  hopSkipJump,
  transfer,
  bpda,
  smoothed,
  restarts,
  autoAttack,
  adaptiveKwta,
  minimal,
};

/** The procedure of an attack. */
export function implementationOf(spec: AttackSpec): Attack<AttackSpec> {
  return implementations[spec.type] as Attack<AttackSpec>;
}
