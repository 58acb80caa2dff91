import type { RegionName } from "../config/address.ts";
import type { RouterState } from "../core/ports/router.ts";
import type { RegionHealth } from "../core/state/health.ts";
import type { Leadership, RouterLease } from "../core/state/observations.ts";
import type { StepKind, StepStatus } from "../core/state/plan.ts";
import type { Member, StateRecord } from "../core/state/record.ts";
import type { WatchdogReport } from "../core/state/report.ts";

/** What one watchdog knows and does at a moment: plain JSON, served over the control socket. Times are wall clock. */
export interface WatchdogStatus {
  readonly name: string;
  readonly site: string;
  readonly nowMs: number;
  readonly startedAtMs: number;
  /** One sentence: what holds now and why. The same as the newest of `decisions`. */
  readonly summary: string;
  readonly record: StateRecord | null;
  readonly store: { readonly reachable: boolean; readonly error: string | null };
  /** Whether this watchdog trusts itself; reasons while it does not. */
  readonly self: { readonly trusted: boolean; readonly reasons: readonly string[] };
  readonly regions: readonly RegionStatus[];
  /** What each watchdog said last, this one included. */
  readonly sightings: readonly WatchdogReport[];
  /** Who decides. */
  readonly leadership: Leadership;
  /** Every watchdog that has made itself known. */
  readonly watchdogs: readonly Member[];
  /** Routers that hold a lease, as the watchdog that decides sees them; null elsewhere. */
  readonly leases: readonly RouterLease[] | null;
  /** null where a watchdog stands alone. */
  readonly failsafe: FailsafeReport | null;
  readonly replication: ReplicationStatus | null;
  /** Steps of the change under way; null while none is. */
  readonly plan: readonly StepReport[] | null;
  /** null on a witness. */
  readonly router: RouterReport | null;
  /** Newest first; a decision that repeats the one before is not listed again. */
  readonly decisions: readonly Decision[];
}

export interface RegionStatus {
  readonly region: RegionName;
  /** active and standby while serving; old and new while a change is under way. */
  readonly role: "active" | "standby" | "old" | "new" | "unknown";
  readonly health: RegionHealth;
}

export interface ReplicationStatus {
  readonly observedAtMs: number;
  readonly inSync: boolean;
  /** Why it is not in sync; empty when it is. */
  readonly reasons: readonly string[];
  /** Operations over all shards, as last known to the followers. */
  readonly lagOperations: number | null;
  /** The longest time since a follower heard from its leader. */
  readonly readAgeMs: number | null;
  readonly followers: number;
  /** Managed indices of the active region at the last look; null when it could not be asked. */
  readonly leaderIndices: number | null;
  /** What was set up or mended last, newest first, with the error where it failed. */
  readonly repairs: readonly { readonly atMs: number; readonly change: string; readonly error: string | null }[];
}

export interface StepReport {
  readonly kind: StepKind;
  readonly status: StepStatus;
  /** In words: what it works on. */
  readonly detail: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** When it is tried again after a failure. */
  readonly nextAttemptAtMs: number | null;
}

export interface RouterReport {
  readonly name: string;
  /** What this watchdog last did with the router, in a sentence. */
  readonly summary: string;
  /** As HAProxy reported it last; null when it never answered. */
  readonly state: RouterState | null;
  /** The ticket given out last that has not been emptied. */
  readonly ticket: { readonly region: RegionName; readonly epoch: number; readonly validUntilMs: number } | null;
  readonly leaseUntilMs: number | null;
  readonly acknowledgedEpoch: number;
  readonly error: string | null;
}

export interface FailsafeReport {
  /** When its router last had to ask the others because the store did not answer; null: never. */
  readonly lastAskedAtMs: number | null;
  /** Why the router could not go on then; null when it could. */
  readonly fault: string | null;
  readonly answers: readonly { readonly watchdog: string; readonly agrees: boolean; readonly reason: string | null }[];
  /** How long this watchdog may not promote anything because of what it answered or asked. */
  readonly promisedForMs: number;
}

export interface Decision {
  readonly atMs: number;
  readonly rule: string;
  readonly epoch: number | null;
  readonly explanation: string;
}
