import type { RegionName } from "../../../config/address.ts";
import type { WatchdogConfig } from "../../../config/schema.ts";
import { isFormerPrimary } from "../../plans/rejoin.ts";
import { unfollowedCopies } from "../../state/complete-copies.ts";
import { isUnfinished } from "../../state/first-copy.ts";
import { isOwn } from "../../state/followable.ts";
import { licenceFault } from "../../state/licence.ts";
import type { Observations } from "../../state/observations.ts";
import { withoutPrimary } from "../../state/probe-verdict.ts";
import { lagOperations } from "../../state/protection.ts";
import type { ServingRecord } from "../../state/record.ts";
import { requiredOf } from "../../state/required.ts";
import { otherRegion, type Situation, standbyOf } from "../../state/situation.ts";
import type { Condition } from "../rule.ts";
import { mayHaveServedUntilMs } from "./active.ts";
import { majoritySees } from "./majority.ts";

export const standbyHealthy: Condition<ServingRecord> = (s) => majoritySees(s, standbyOf(s), "healthy");
export const standbyPromotable: Condition<ServingRecord> = (s) => promotableBlocker(s, standbyOf(s));
export const standbyInSync: Condition<ServingRecord> = (s) => inSyncBlocker(s);

export const standbyStateIs =
  (...states: readonly ServingRecord["standby"][]): Condition<ServingRecord> =>
  ({ record }) =>
    states.includes(record.standby) ? null : `the standby is ${record.standby}, not ${states.join(" or ")}`;

/** A region with managed indices of its own cannot join: an operator decides what becomes of them. */
export const standbyHasNothingOfItsOwn: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const snapshot = s.seen.standby;
  if (snapshot === null || snapshot.region !== standby) return noSnapshot(standby, s.seen);
  const copies = unfollowedCopies(s.seen.leaderSight, snapshot);
  const own = snapshot.indices.filter((index) => isOwn(index) && !copies.includes(index.name)).map(({ name }) => name);
  return own.length === 0
    ? null
    : `${standby} has ${own.length} managed indices of its own (${own.slice(0, 3).join(", ")}), which may have writes that exist nowhere else`;
};

/** Good checks in a row by this watchdog itself: one good probe after a start does not prove that a region has recovered. */
export const standbyRecovered: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const successes = s.seen.health[standby]?.successesInARow ?? 0;
  const { recoveryThreshold } = s.config.checks;
  return successes >= recoveryThreshold
    ? majoritySees(s, standby, "healthy")
    : `${standby} has had ${successes} of ${recoveryThreshold} good checks in a row`;
};

export const standbyWasPrimary: Condition<ServingRecord> = (s) =>
  isFormerPrimary(s.record, standbyOf(s)) ? null : `${standbyOf(s)} was not the active region before`;

const noSnapshot = (region: RegionName, { standbyError }: Observations) =>
  `there is no snapshot of ${region}${standbyError === null ? " yet" : `: ${standbyError}`}`;

/** Why the standby is not in sync by the last comparison; null when it is. */
export function comparisonBlocker(seen: Observations): string | null {
  const sync = seen.standby?.sync ?? null;
  if (sync === null) return "the two regions have not been compared yet";
  return sync.inSync ? null : sync.reasons.join("; ");
}

/**
 * Why the standby may not be promoted automatically; null when it may: it was in sync until the active region was lost,
 * and the followers of required indices lacked no more than the limit. Reads that fail since are caused by the outage
 * itself and do not count.
 */
export function inSyncBlocker(situation: Situation<ServingRecord>): string | null {
  const { record, seen, config } = situation;
  const standby = otherRegion(config, record.active);
  if (record.standby !== "in-sync") return `${standby} is not in sync (${record.standby})${syncReasons(seen)}`;
  const { maxReadAgeMs, maxLagOperations } = config.replication;
  const servedUntilMs = mayHaveServedUntilMs(situation);
  const inSyncAtMs = Math.max(seen.inSyncSeenAtMs ?? 0, record.inSyncAtMs ?? 0);
  if (servedUntilMs - inSyncAtMs > maxReadAgeMs) {
    return `${standby} was last in sync ${servedUntilMs - inSyncAtMs} ms before ${record.active} may last have served (at most ${maxReadAgeMs} ms allowed)`;
  }
  const emptied = emptiedBlocker(situation);
  if (emptied !== null) return emptied;
  const followers = followersOf(situation);
  // That of all of them bounds that of the required ones.
  if (lagOperations(followers) <= maxLagOperations) return null;
  const required = requiredOf(
    followers.map(({ leaderIndex }) => leaderIndex),
    config.replication.required,
  );
  const lag = lagOperations(followers.filter(({ leaderIndex }) => required.has(leaderIndex)));
  return lag > maxLagOperations ? `${standby} is ${lag} operations behind (at most ${maxLagOperations} allowed)` : null;
}

/**
 * Why the standby counts as emptied; null when it does not: it lacks most required indices that the active region was
 * last seen to have, or their first copies are unfinished. A few may be missing, as a new index is followed with a delay.
 */
export function emptiedBlocker(situation: Situation<ServingRecord>): string | null {
  const { record, seen, config } = situation;
  const unfollowable = new Set(seen.leaderSight?.unfollowable.map(({ index }) => index));
  const followable = (seen.leaderSight?.indices ?? []).filter((_, position) => !unfollowable.has(position));
  const led = [...requiredOf(followable, config.replication.required)];
  const unfinished = new Set((seen.standby?.indices ?? []).filter(isUnfinished).map(({ name }) => name));
  const complete = followersOf(situation).filter(({ index }) => !unfinished.has(index));
  const copies = seen.standby === null ? [] : unfollowedCopies(seen.leaderSight, seen.standby);
  const followed = new Set([...complete.map(({ leaderIndex }) => leaderIndex), ...copies]);
  const missing = led.filter((index) => !followed.has(index));
  if (seen.standby === null || missing.length * 2 <= led.length) return null;
  return `${otherRegion(config, record.active)} follows only ${led.length - missing.length} of ${led.length} indices of ${record.active}`;
}

const followersOf = ({ record, seen }: Situation<ServingRecord>) =>
  (seen.standby?.followers ?? []).filter(({ remoteCluster }) => remoteCluster === record.active);

const syncReasons = ({ standby }: Observations) => {
  const reasons = standby?.sync?.reasons ?? [];
  return reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
};

/** Age up to which a snapshot of a region may be acted on: two rounds, each with one request that times out. */
export function snapshotMaxAgeMs({ replication, elasticsearch }: WatchdogConfig): number {
  return 2 * (replication.intervalMs + elasticsearch.requestTimeoutMs);
}

/** Why the cluster of `region` is not promoted by itself; null when it may be: it is able to, and has a licence. */
export const promotableBlocker = (situation: Situation, region: RegionName): string | null =>
  unpromotable(situation, region) ?? licenceBlocker(situation, region);

/** Why the cluster of `region` could not carry out a promotion; null when it could: observed recently, complete, writable. */
export function unpromotable(situation: Situation, region: RegionName): string | null {
  const { seen, nowMs, config } = situation;
  const snapshot = seen.standby;
  if (snapshot === null || snapshot.region !== region) return noSnapshot(region, seen);
  const [ageMs, maxAgeMs] = [nowMs - snapshot.observedAtMs, snapshotMaxAgeMs(config)];
  if (ageMs > maxAgeMs) {
    const why = seen.standbyError === null ? "" : `: ${seen.standbyError}`;
    return `the last snapshot of ${region} is ${ageMs} ms old (at most ${maxAgeMs} ms allowed)${why}`;
  }
  if (snapshot.readiness.readOnly) return `a cluster-wide block makes ${region} read-only`;
  if (!snapshot.readiness.allocatesPrimaries) {
    return `cluster.routing.allocation.enable of ${region} lets no primary be allocated: no index could be opened again`;
  }
  return redBlocker(situation, region);
}

/** Followers that a running snapshot holds: until it has ended they cannot be promoted. */
export function followersInSnapshot({ record, seen }: Situation<ServingRecord>): readonly string[] {
  const held = new Set(seen.standby?.readiness.snapshotting ?? []);
  const followers = (seen.standby?.followers ?? []).filter(({ remoteCluster }) => remoteCluster === record.active);
  return followers.map(({ index }) => index).filter((index) => held.has(index));
}

/** An index without a primary could be neither paused nor opened. */
export function redBlocker({ seen }: Situation, region: RegionName): string | null {
  const probe = seen.health[region]?.lastProbe;
  const red = probe?.reachable ? probe.redIndices : [];
  return red.length === 0 ? null : `${region} has ${withoutPrimary(red)}`;
}

/**
 * Why the licence of `region` blocks an automatic promotion; null when it does not. Pause, close, unfollow, open and writes
 * need none; but without one nothing tells how far replication has come, and nothing can be followed afterwards.
 */
export function licenceBlocker({ seen }: Situation, region: RegionName): string | null {
  const licence = seen.standby?.region === region ? seen.standby.readiness.licence : null;
  const problem = licence === null ? null : licenceFault(region, licence);
  return problem === null
    ? null
    : `${problem}; a failover with --force needs none, but the region left could not follow`;
}
