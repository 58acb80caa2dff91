/** Seeds whose histories once broke an invariant, with what was wrong then. */
export const regressionSeeds: readonly {
  readonly seed: number;
  readonly faults?: readonly string[];
  readonly defect: string;
}[] = [];
