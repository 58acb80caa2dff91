import type { Peers } from "../core/failsafe.ts";
import type { Coordination } from "../core/state/coordination.ts";
import type { StateRecord } from "../core/state/record.ts";
import type { Bell } from "../util/loop.ts";
import type { Knowledge } from "./observed-state.ts";
import type { SelfTrust } from "./self-check.ts";
import type { WatchdogParts } from "./watchdog.ts";

/** What the loops of one watchdog share: its parts, what it knows, and ways to call each other. */
export interface Workings extends WatchdogParts {
  readonly knowledge: Knowledge;
  readonly self: SelfTrust;
  readonly signal: AbortSignal;
  /** Rung when there is news to decide on. */
  readonly decide: Bell;
  /** Rung when there is news for the other watchdogs, or from them. */
  readonly coordinate: Bell;
  readonly coordination: Coordination;
  readonly peers: Peers | null;
  /** Why this watchdog may not act now: doubts of itself, or another one leads. To be asked right before each action. */
  reasonsNotToAct(): readonly string[];
  /** Rung when the router has something to do before its next round. */
  readonly route: Bell;
  /** Keeps the newest record on this host's disk; a disk that fails is logged, never waited for. */
  keepCopy(record: StateRecord): Promise<void>;
}
