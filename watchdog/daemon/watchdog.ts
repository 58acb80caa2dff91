import type { WatchdogConfig } from "../config/schema.ts";
import type { Clock, Cluster, Logger, RecordCopy, RegionName, Router, Store } from "../core/ports.ts";
import type { Explanation, WatchdogStatus } from "./status.ts";

/** Everything a watchdog needs from outside. */
export interface WatchdogParts {
  readonly config: WatchdogConfig;
  /** One for each region of the configuration. */
  readonly clusters: Readonly<Record<RegionName, Cluster>>;
  readonly store: Store;
  readonly copy: RecordCopy;
  readonly router: Router;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Watchdog {
  /** Runs until `signal` aborts, then ends with every loop at rest. Tickets are left to run out, leases too. */
  run(signal: AbortSignal): Promise<void>;
  status(): WatchdogStatus;
  /** Every rule of the table: whether it holds now, and if not, what stands in its way; nearly-holding ones first. */
  explain(): Explanation;
  /** True while every loop turns as it should: what the service manager's watchdog may be told. */
  isTurning(): boolean;
}

export declare function createWatchdog(parts: WatchdogParts): Watchdog;
