import type { RegionName } from "./ports.ts";

/** How the standby region stands: `absent` is not a follower at all, `in-sync` may be promoted automatically. */
export type StandbyState = "absent" | "fencing" | "salvaging" | "following" | "in-sync";

export type StepStatus = "pending" | "running" | "done" | "failed";

/** The one document that says who is active. Changed only by compare-and-swap. */
export interface StateRecord {
  readonly schemaVersion: 1;
  /** +1 whenever who may accept writes changes. */
  readonly epoch: number;
}
