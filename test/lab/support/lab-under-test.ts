import process from "node:process";
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

/** Environment variable that, set to `long`, adds the long tests. */
export const longMode = "ES_FAILOVER_LAB_TESTS";
export const isLong = process.env[longMode] === "long";

/** Longest outage during a `pulumi up`, which keeps both processors of a small machine busy, so that requests wait. */
export const UPDATE_HICCUP_MS = 10_000;

/** A long test copies 5 GB, of which a node with a heap of 256 MB refuses some: its circuit breaker counts garbage, too. */
const sizes = isLong ? { heapMb: 512, dataVolumeGb: 8 } : { heapMb: 256, dataVolumeGb: 2 };

/** Settings of every stack of the lab. */
export const settings = {
  checks,
  heap: `${sizes.heapMb}m`,
  dataVolumeGb: sizes.dataVolumeGb,
  page: { authentication: "proxy" },
} as const;
/** Another heap than that of `settings`. */
export const changedHeap: string = `${sizes.heapMb + 32}m`;

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
