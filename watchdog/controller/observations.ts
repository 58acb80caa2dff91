import { snapshotMaxAgeMs } from "../core/rules/conditions/standby.ts";
import { canaryProblem } from "../core/state/canary.ts";
import { newerVersionOf } from "../core/state/newer-version.ts";
import type { Observations } from "../core/state/observations.ts";
import { isNewer, type StateRecord } from "../core/state/record.ts";
import type { IndexUuid } from "../core/state/record-fields.ts";
import type { WatchdogReport } from "../core/state/report.ts";
import { siteReports } from "../core/state/sites.ts";
import type { WatchdogContext } from "./context.ts";
import type { ObservedState } from "./observed-state.ts";

type Observing = Pick<WatchdogContext, "observed" | "selfCheck" | "config" | "clock">;

/** The input of a decision, as of now. */
export function observationsNow({ observed, selfCheck, config, clock }: Observing): Observations {
  const selfDoubt = selfCheck.blockers();
  const nowMonotonicMs = clock.monotonicMs();
  const leading = observed.isController(nowMonotonicMs);
  return {
    health: Object.fromEntries(observed.health),
    sites: siteReports(reportsNow({ observed, config, clock })),
    standby: observed.standby,
    active: observed.active,
    standbyError: observed.standbyError,
    inSyncSeenAtMs: observed.inSyncSeenAtMs,
    leaderSight: observed.leaderSnapshot,
    deletedLeaders: deletedLeadersNow({ observed, config, clock }),
    routers: observed.routers,
    store: storeState(observed),
    newerVersion: newerVersion(observed),
    leadership: { leading, leader: leading ? config.name : observed.leader, error: observed.coordinationError },
    known: observed.members,
    silence: observed.silence,
    promisedForMs: observed.failsafeGrantForMs(nowMonotonicMs),
    filledKnownForMs: observed.filling.knownForMs(nowMonotonicMs),
    changeKnownForMs: observed.change.knownForMs(nowMonotonicMs),
    selfDoubt,
    newestCopy: newestCopy(observed),
    copyError: observed.copyError,
    firstLooks: observed.firstSnapshots,
    hooks: observed.hooks,
  };
}

/** The report of each watchdog: the last published one of the others, and this watchdog's own as of now. */
export function reportsNow({ observed, config, clock }: Omit<Observing, "selfCheck">): readonly WatchdogReport[] {
  const { name: watchdog, site } = config;
  const nowMs = clock.nowMs();
  const regions = regionReports(observed, nowMs);
  const deletedLeaders = deletedUuids({ observed, config, clock });
  const own = {
    watchdog,
    site,
    regions,
    atMs: nowMs,
    epoch: observed.highestEpoch(),
    deletedLeaders,
    canary: canaryNow({ observed, config, clock }),
    copy: null,
  };
  return [own, ...observed.reports.filter((report) => report.watchdog !== watchdog)];
}

/** null unless the active region is well, and the cluster that it was: else what it lacks proves nothing. */
function deletedLeadersNow({ observed, config, clock }: Omit<Observing, "selfCheck">): readonly IndexUuid[] | null {
  const { active, record, deletedLeaders } = observed;
  if (record?.phase !== "serving" || active?.region !== record.active) return null;
  const isWell = observed.healthOf(active.region).state === "healthy" && observed.isSameCluster(active.region);
  const isRecent = clock.nowMs() - active.observedAtMs <= snapshotMaxAgeMs(config);
  return isWell && isRecent ? deletedLeaders : null;
}

export const canaryNow = ({ observed, config, clock }: Omit<Observing, "selfCheck">): string | null =>
  canaryProblem(observed.canary, { record: observed.record, nowMs: clock.nowMs() }, config);

/** The same as a report has it. */
export const deletedUuids = (context: Omit<Observing, "selfCheck">): readonly string[] | null =>
  deletedLeadersNow(context)?.map(({ uuid }) => uuid) ?? null;

/** Each region's health by this watchdog's own probes. */
export function regionReports({ health }: ObservedState, nowMs: number): WatchdogReport["regions"] {
  return Object.fromEntries(
    [...health].map(([region, { state, failuresInARow, successesInARow, failingSinceMs, reason }]) => {
      const failing = failingSinceMs === null ? {} : { failingForMs: Math.max(0, nowMs - failingSinceMs) };
      return [region, { state, failuresInARow, successesInARow, ...failing, reason }];
    }),
  );
}

/** How the store answers this watchdog. */
export function storeState({ storeError, storeFull }: ObservedState): Observations["store"] {
  return { reachable: storeError === null, error: storeError, full: storeFull };
}

function newestCopy({ newestCopy, reports }: ObservedState): StateRecord | null {
  return newestOf([newestCopy, ...reports.map(({ copy }) => copy)]);
}

/** Why this version reads only a part of the record, or of a copy that a store which lost it would be filled from. */
export function newerVersion(observed: ObservedState): string | null {
  const newest = newestOf([observed.record, newestCopy(observed)]);
  return newerVersionOf(observed.record) ?? newerVersionOf(newest);
}

function newestOf(copies: readonly (StateRecord | null)[]): StateRecord | null {
  return copies.reduce(
    (newest, copy) => (newest === null || (copy !== null && isNewer(copy, newest)) ? copy : newest),
    null,
  );
}
