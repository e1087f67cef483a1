/** What all entries of the package export; each adds the `createRuntime` that fits it. */

export type { JumpEvent, Jumps } from './analysis/jumps.js';
export type { Landscape } from './analysis/landscape.js';
export type { LinearRegions, Quantiles, SegmentRegions } from './analysis/linearRegions.js';
export type { LayerChange, PatternChange } from './analysis/patternChange.js';
export type { AnalysisProgress } from './analysis/progress.js';
export * as attacks from './attacks/index.js';
export {
  ConfigError,
  DataError,
  DivergedError,
  KwtaError,
  MemoryError,
  ShapeError,
  WorkerLostError,
} from './base/errors.js';
export { type Tensor, tensor } from './base/tensor.js';
export * as analysis from './client/analysis.js';
export type {
  JumpsOptions,
  LandscapeOptions,
  LinearRegionsOptions,
  PatternChangeOptions,
} from './client/analysisCalls.js';
export type { AttackOptions, AttackResult } from './client/attack.js';
export { distill } from './client/distill.js';
export type { DistillOptions } from './client/distillation.js';
export type { FitOptions } from './client/fit.js';
export type { FitRun, History } from './client/fitRun.js';
export type { Model } from './client/model.js';
export { exportOnnx, importOnnx } from './client/onnx.js';
export type { ImportOnnxOptions } from './client/onnxCalls.js';
export type {
  LoadOptions,
  ModelOptions,
  RunOptions,
  Runtime,
  RuntimeInfo,
  RuntimeOptions,
} from './client/runtime.js';
export { Dataset } from './data/dataset.js';
export * as datasets from './data/index.js';
export type { StreamedDataset } from './data/stream.js';
export type { AttackBenchRun } from './evaluate/attackBench.js';
export type { NamedModel } from './evaluate/evaluable.js';
export {
  attackBench,
  evaluateRobustness,
  mergeReports,
  robustBench,
  transferMatrix,
  verifyReport,
} from './evaluate/index.js';
export type { EvaluateOptions, EvaluationProgress } from './evaluate/plan.js';
export type { NamedAttack } from './evaluate/presets.js';
export type {
  Accuracy,
  AttackReport,
  ComparisonReport,
  Envelope,
  Finding,
  ModelReport,
  PairReport,
  RobustnessReport,
  SecurityCurve,
} from './evaluate/report.js';
export type { RobustBenchEntry, RobustBenchInfo } from './evaluate/robustBench.js';
export type { Shard, ShardReport } from './evaluate/shard.js';
export { accuracyOf } from './evaluate/statistics.js';
export type { TransferMatrix, TransferMatrixOptions } from './evaluate/transferMatrix.js';
export type { Verification, VerifyOptions } from './evaluate/verify.js';
export type { ModelSpec, ModuleSpec } from './graph/graph.js';
export type { Loss } from './graph/losses.js';
export type { MemoryUse } from './graph/network.js';
export type { OnnxModel } from './io/onnx/decode.js';
export type { Variant } from './kernels/variant.js';
export * as nn from './nn/index.js';
export * as models from './nn/models/index.js';
export * as augment from './train/augment.js';
export type { BatchEvent, EpochEvent, FitEvent } from './train/fit.js';
export * as optim from './train/optim.js';
export * as regimes from './train/regimes.js';
export * as schedules from './train/schedules.js';
export type { TrainState } from './train/state.js';
