import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { Questions } from "./questions.ts";

/** With six Elasticsearch nodes on two cores a healthy one may take a second to answer, too long for the fast profile. */
export const checks = {
  profile: "standard",
  intervalMs: 3_000,
  timeoutMs: 2_500,
  failThreshold: 3,
  recoveryThreshold: 3,
} as const;

/** Settings of every stack of the lab. */
export const settings = { checks } as const;

/** The lab that all tests of a run use, one after the other; each leaves gra active and bhs in sync. */
export interface LabUnderTest {
  readonly system: TwoRegions;
  readonly questions: Questions;
  /** Host of the router in bhs, which applications use by default. */
  readonly router: string;
  /** Directory for files of a test; removed at the end. */
  readonly scratch: string;
  /** The engine's output so far, and the function that takes further lines. */
  readonly pulumi: { readonly lines: readonly string[]; readonly say: (line: string) => void };
}
