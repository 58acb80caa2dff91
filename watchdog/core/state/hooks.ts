import type { RegionName } from "../../config/address.ts";

/** Operators' own programs, which the controller runs before routers close and after they have opened. */

export type HookPhase = "before-closing" | "after-opening";

/** What the hooks of one phase run for. */
export interface HookRun {
  readonly phase: HookPhase;
  /** The same for every attempt of the same change by the same controller. */
  readonly id: string;
  readonly change: "failover" | "switchover";
  readonly from: RegionName;
  readonly to: RegionName;
  /** The region that serves while they run. */
  readonly active: RegionName;
  /** Before closing: the epoch under which routers would close. After opening: the one under which they are open. */
  readonly epoch: number;
  readonly reason: string;
}

/** How far this watchdog has run the hooks of a phase. */
export interface HookReport {
  readonly id: string;
  /** stopped: one of them refuses the change. */
  readonly state: "running" | "done" | "stopped";
  /** When that began. */
  readonly atMs: number;
  /** Which hook refuses the change, and why; null unless stopped. */
  readonly words: string | null;
}

/** What this watchdog has last run in each phase. */
export interface HookReports {
  readonly before: HookReport | null;
  readonly after: HookReport | null;
}
