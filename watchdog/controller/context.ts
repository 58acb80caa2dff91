import type { RegionName } from "../config/address.ts";
import type { WatchdogConfig } from "../config/schema.ts";
import type { Peers } from "../core/failsafe.ts";
import type { Cluster } from "../core/ports/cluster.ts";
import type { Coordination } from "../core/ports/coordination.ts";
import type { Entry } from "../core/ports/entry.ts";
import type { Hooks } from "../core/ports/hooks.ts";
import type { Router } from "../core/ports/router.ts";
import type { Salvage } from "../core/ports/salvage.ts";
import type { RecordCopy, Store } from "../core/ports/store.ts";
import type { StateRecord } from "../core/state/record.ts";
import type { NotificationsReport } from "../notifications/report.ts";
import type { Clock } from "../util/clock.ts";
import type { Logger } from "../util/logger.ts";
import { Wakeup } from "../util/wakeup.ts";
import { DecisionLog } from "./decision-log.ts";
import { ObservedState } from "./observed-state.ts";
import { saveCopy } from "./record-copy.ts";
import { SelfCheck } from "./self-check.ts";
import { soleCoordination } from "./sole-coordination.ts";

/** Everything a watchdog needs from outside. */
export interface WatchdogParts {
  readonly config: WatchdogConfig;
  /** One for each region of the configuration. */
  readonly clusters: Readonly<Record<RegionName, Cluster>>;
  readonly store: Store;
  /** For operators' commands, which any watchdog may write, by compare-and-swap. Default: `store`. */
  readonly operatorStore?: Store;
  /** Default: there is no other watchdog, and this one is the controller. */
  readonly coordination?: Coordination;
  /** The way to ask the other watchdogs for failsafe grants; null, the default, without other watchdogs. */
  readonly peers?: Peers | null;
  readonly copy: RecordCopy;
  readonly salvage: Salvage;
  /** The HAProxy beside it; null on a witness. */
  readonly router: Router | null;
  /** The entry of that HAProxy; null, the default, where no canaries are sent. */
  readonly entry?: Entry | null;
  /** Runs operators' hooks; null, the default, where none can be run. */
  readonly hooks?: Hooks | null;
  /** Why changed certificates and passwords are not used, as sentences; absent: they are not read again. */
  readonly fileProblems?: () => readonly string[];
  /** The messages that this watchdog sends; null, or absent, without targets. */
  readonly notifications?: () => NotificationsReport | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Shared by the loops of one watchdog: its parts, what it has observed, and ways to wake each other. */
export interface WatchdogContext extends WatchdogParts {
  readonly coordination: Coordination;
  readonly peers: Peers | null;
  readonly entry: Entry | null;
  readonly hooks: Hooks | null;
  readonly observed: ObservedState;
  readonly decisions: DecisionLog;
  readonly selfCheck: SelfCheck;
  /** Aborts when the watchdog stops. */
  readonly signal: AbortSignal;
  /** Triggered when there is something new to decide on. */
  readonly wakeDecide: Wakeup;
  /** Triggered when there is something new for the other watchdogs, or from them. */
  readonly wakeCoordinate: Wakeup;
  /** Triggered when the router needs a change before its next round. */
  readonly wakeRoute: Wakeup;
  /**
   * Why this watchdog may not act now: a failed self-check, or another controller. To be called right before each action.
   */
  actionBlockers(): readonly string[];
  /** Saves the newest record to this host's disk. A disk that fails is logged and stops nothing. */
  saveCopy(record: StateRecord): Promise<void>;
}

export function createContext(parts: WatchdogParts, signal: AbortSignal): WatchdogContext {
  const { config, clock, coordination = soleCoordination(clock), peers = null, entry = null, hooks = null } = parts;
  const observed = new ObservedState(config);
  const selfCheck = new SelfCheck(clock, {
    toleranceMs: config.leases.marginMs,
    holdMs: config.checks.failThreshold * config.checks.intervalMs,
  });
  return {
    ...parts,
    coordination,
    peers,
    entry,
    hooks,
    observed,
    decisions: new DecisionLog(),
    selfCheck,
    signal,
    wakeDecide: new Wakeup(),
    wakeCoordinate: new Wakeup(),
    wakeRoute: new Wakeup(),
    actionBlockers: () => {
      const blockers = selfCheck.blockers();
      return observed.isController(clock.monotonicMs())
        ? blockers
        : [...blockers, "this watchdog is not the controller"];
    },
    saveCopy: (record) => saveCopy(parts, observed, record),
  };
}
