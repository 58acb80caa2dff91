import { snapshotMaxAgeMs } from "../core/rules/conditions/standby.ts";
import type { StandbySnapshot } from "../core/state/observations.ts";
import { lagOperations } from "../core/state/protection.ts";
import { duration } from "../util/text.ts";
import type { WatchdogContext } from "./context.ts";
import { dataStreamReport } from "./data-stream-report.ts";
import { observationIntervalMs } from "./observation-pace.ts";
import { protectionReport } from "./protection-report.ts";
import type { ReplicationStatus } from "./status.ts";

type Observing = Pick<WatchdogContext, "observed" | "config" | "clock">;

/** The replication as of now; null before the first snapshot of the standby. */
export function replicationReport(
  observing: Observing,
  problems: readonly string[],
  repairs: ReplicationStatus["repairs"],
): ReplicationStatus | null {
  const { standby, active, lag } = observing.observed;
  if (standby === null) return null;
  const outdated = outdatedBecause(observing, standby);
  const sync = outdated === null ? standby.sync : null;
  const unjudged = outdated ?? "the active region does not answer, so the two cannot be compared";
  return {
    observedAtMs: standby.observedAtMs,
    inSync: sync?.inSync ?? false,
    reasons: [...(sync?.reasons ?? [unjudged]), ...problems],
    lagOperations: standby.followers.length === 0 ? null : lagOperations(standby.followers),
    lagMs: sync === null ? null : lag.lagMs,
    readAgeMs: sync?.readAgeMs ?? null,
    followers: standby.followers.length,
    leaderIndices: active?.indices.length ?? null,
    ...protectionReport(sync, active),
    dataStreams: dataStreamReport(active, standby),
    repairs,
  };
}

/** A standby that does not answer leaves its last snapshot, which tells nothing of now. */
function outdatedBecause(observing: Observing, { region, observedAtMs }: StandbySnapshot): string | null {
  const { observed, config, clock } = observing;
  const ageMs = clock.nowMs() - observedAtMs;
  // In calm, snapshots are rarer.
  if (ageMs <= Math.max(snapshotMaxAgeMs(config), 2 * observationIntervalMs(observing))) return null;
  return `the last snapshot of ${region} is ${duration(ageMs)} old: ${observed.standbyError ?? "there is no newer one"}`;
}
