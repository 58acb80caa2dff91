import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Peers } from "../core/failsafe.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { Coordination } from "../core/ports/coordination.ts";
import type { Router } from "../core/ports/router.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import type { RecordCopy, Store } from "../core/ports/store.ts";
import type { StateRecord } from "../core/state/record.ts";
import type { Clock } from "../util/clock.ts";
import type { Logger } from "../util/logger.ts";
import type { Wakeup } from "../util/loop.ts";
import type { ObservedState } from "./observed-state.ts";
import type { SelfCheck } from "./self-check.ts";

/** Everything a watchdog needs from outside. */
export interface WatchdogParts {
  readonly config: WatchdogConfig;
  /** One for each region of the configuration. */
  readonly clusters: Readonly<Record<RegionName, Cluster>>;
  readonly store: Store;
  /** For operators' commands, which count whoever decides: writes by compare-and-swap alone. Default: `store`. */
  readonly operatorStore?: Store;
  /** Default: this watchdog is alone, and leads. */
  readonly coordination?: Coordination;
  /** How the other watchdogs are asked in failsafe; null, the default, where this one stands alone. */
  readonly peers?: Peers | null;
  readonly copy: RecordCopy;
  readonly salvage: Salvage;
  /** The HAProxy beside it; null on a witness. */
  readonly router: Router | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the loops of one watchdog share: its parts, what it knows, and ways to call each other. */
export interface WatchdogContext extends WatchdogParts {
  readonly observed: ObservedState;
  readonly selfCheck: SelfCheck;
  readonly signal: AbortSignal;
  /** Rung when there is news to decide on. */
  readonly wakeDecide: Wakeup;
  /** Rung when there is news for the other watchdogs, or from them. */
  readonly wakeCoordinate: Wakeup;
  readonly coordination: Coordination;
  readonly peers: Peers | null;
  /** Why this watchdog may not act now: doubts of itself, or another one leads. To be asked right before each action. */
  actionBlockers(): readonly string[];
  /** Rung when the router has something to do before its next round. */
  readonly wakeRoute: Wakeup;
  /** Keeps the newest record on this host's disk; a disk that fails is logged, never waited for. */
  saveCopy(record: StateRecord): Promise<void>;
}
