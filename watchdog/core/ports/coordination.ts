import type { Member } from "../state/record.ts";
import type { WatchdogReport } from "../state/report.ts";

export type Campaign =
  /**
   * This watchdog is the controller, until `untilMonotonicMs` on its own monotonic clock at most. Compare with the clock
   * again right before acting: the process may have been frozen since.
   */
  | { readonly leading: true; readonly untilMonotonicMs: number }
  /** Another one is; null when the controller changed during the call. */
  | { readonly leading: false; readonly leader: string | null };

/**
 * Coordination of one watchdog with the others. Calls throw an error of the adapter when the store cannot be reached; an
 * election won before then expires at its time.
 */
export interface Coordination {
  /** Publishes the report of this watchdog in place of its last one. */
  publish(report: WatchdogReport): Promise<void>;
  /** The report of every live watchdog, this one included. */
  reports(): Promise<readonly WatchdogReport[]>;
  /** Campaigns to be the controller, or to stay it. There are never two controllers at once. */
  campaign(): Promise<Campaign>;
  /** Resigns as the controller at once, for an orderly stop. Does nothing when another one is. */
  resign(): Promise<void>;
  /** Registers this watchdog as a member, or updates its registration. */
  register(self: Member): Promise<void>;
  /** Every registered watchdog, by name. */
  members(): Promise<readonly Member[]>;
  /** Removes the registration of a watchdog that is gone, and that the record does not list. */
  forget(name: string): Promise<void>;
}
