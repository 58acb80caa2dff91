import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { Questions } from "./questions.ts";

/** Six Elasticsearch nodes on two cores: a healthy one may take a second to answer, as the fast profile does not allow. */
export const checks = {
  profile: "standard",
  intervalMs: 3_000,
  timeoutMs: 2_500,
  failThreshold: 3,
  recoveryThreshold: 3,
} as const;

/** Settings of every stack of the lab. */
export const settings = { checks } as const;

/** The one lab that all tests of a run work with, one after the other; each leaves gra active and bhs in sync. */
export interface LabUnderTest {
  readonly system: TwoRegions;
  readonly questions: Questions;
  /** Host of the router in bhs, which applications use where nothing else is said. */
  readonly router: string;
  /** Directory for files of a test; removed with all that is in it. */
  readonly scratch: string;
  /** What the engine printed so far, and where its next lines go. */
  readonly pulumi: { readonly lines: readonly string[]; readonly say: (line: string) => void };
}
