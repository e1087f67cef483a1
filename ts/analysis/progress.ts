/** How far an analysis has come. */
export interface AnalysisProgress {
  /** 0 to 1. */
  done: number;
}
