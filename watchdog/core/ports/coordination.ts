import type { Member } from "../state/record.ts";
import type { WatchdogReport } from "../state/report.ts";

export type Campaign =
  /**
   * This watchdog decides, until `untilMonotonicMs` on its own monotonic clock at most. Look at the clock again right
   * before acting: the process may have been frozen since.
   */
  | { readonly leading: true; readonly untilMonotonicMs: number }
  /** Another one does; null when the leadership changed hands during the call. */
  | { readonly leading: false; readonly leader: string | null };

/**
 * Coordination of one watchdog with the others. Calls fail with an error of the adapter when the others cannot be
 * reached; a leadership won before then ends at its time.
 */
export interface Coordination {
  /** Publishes what this watchdog sees, in place of what it published before. */
  publish(sighting: WatchdogReport): Promise<void>;
  /** What every live watchdog sees, this one included. */
  reports(): Promise<readonly WatchdogReport[]>;
  /** Stands for, or stays in, the leadership. Never two lead at once. */
  campaign(): Promise<Campaign>;
  /** Gives the leadership up at once, for an orderly stop. Does nothing when not leading. */
  resign(): Promise<void>;
  /** Adds this watchdog to the known ones, or updates what is known of it. */
  register(self: Member): Promise<void>;
  /** In the order of their names. */
  members(): Promise<readonly Member[]>;
  /** Takes a watchdog that is gone for good off the list: until then failsafe waits for its word in vain. */
  forget(name: string): Promise<void>;
}
