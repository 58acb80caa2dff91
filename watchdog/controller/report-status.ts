import type { RegionName } from "../config/address.ts";
import type { StateRecord } from "../core/state/record.ts";
import { snapshotProblem } from "../core/state/snapshots.ts";
import { spaceWarning } from "../core/state/store-space.ts";
import type { Components } from "./components.ts";
import type { WatchdogContext } from "./context.ts";
import { newerVersion, observationsNow, reportsNow, storeState } from "./observations.ts";
import type { RegionStatus, WatchdogStatus } from "./status.ts";

/** The status as of now. */
export function statusNow(context: WatchdogContext, components: Components, startedAtMs: number): WatchdogStatus {
  const { config, observed, decisions, selfCheck, clock, peers } = context;
  const { failsafe, replication, executor, router } = components;
  const blockers = selfCheck.blockers();
  return {
    name: config.name,
    site: config.site,
    nowMs: clock.nowMs(),
    startedAtMs,
    summary: decisions.latest?.explanation ?? "just started: nothing decided yet",
    record: observed.record,
    store: { ...storeState(observed), warning: spaceWarning(observed.storeSpace ?? []) },
    newerVersion: newerVersion(observed),
    self: { trusted: blockers.length === 0, reasons: blockers },
    files: context.fileProblems?.() ?? [],
    hookRefusal: hookRefusal(context),
    regions: Object.keys(config.regions).map((region) => ({
      region,
      role: roleOf(region, observed.record),
      health: observed.healthOf(region),
      licence: observed.licenceOf(region),
      snapshots: snapshotsOf(context, region),
    })),
    sightings: reportsNow(context),
    leadership: observationsNow(context).leadership,
    watchdogs: observed.members,
    silence: observed.silence,
    leases: observed.routers,
    failsafe: peers === null ? null : failsafe.report(),
    replication: replication.report(),
    plan: executor.report(),
    router: router?.report() ?? null,
    notifications: context.notifications?.() ?? null,
    decisions: decisions.entries,
  };
}

function snapshotsOf(
  { config, observed, clock }: WatchdogContext,
  region: RegionName,
): NonNullable<RegionStatus["snapshots"]> | null {
  const state = observed.snapshots.get(region);
  if (config.snapshots === null || state === undefined) return null;
  const { lastSuccessAtMs } = state;
  return { lastSuccessAtMs, problem: snapshotProblem(region, state, clock.nowMs(), config.snapshots.maxAgeMs) };
}

/** Until the hooks run again; a request that was refused is not repeated, and is told for as long. */
function hookRefusal({ observed: { hooks }, config, clock }: WatchdogContext): string | null {
  const { before } = hooks;
  return before !== null && clock.nowMs() - before.atMs < config.hooks.retryAfterMs ? before.words : null;
}

function roleOf(region: RegionName, record: StateRecord | null): RegionStatus["role"] {
  if (record === null) return "unknown";
  if (record.phase === "serving") return record.active === region ? "active" : "standby";
  return record.to === region ? "new" : "old";
}
