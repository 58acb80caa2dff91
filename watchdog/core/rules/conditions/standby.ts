import type { RegionName } from "../../../config/address.ts";
import type { WatchdogConfig } from "../../../config/schema.ts";
import { isFormerPrimary } from "../../plans/rejoin.ts";
import type { Observations } from "../../state/observations.ts";
import type { ServingRecord } from "../../state/record.ts";
import { otherRegion, type Situation, standbyOf } from "../../state/situation.ts";
import { lagOperations } from "../../state/sync.ts";
import type { Condition } from "../rule.ts";
import { majoritySees } from "./majority.ts";

export const standbyHealthy: Condition<ServingRecord> = (s) => majoritySees(s, standbyOf(s), "healthy");
export const standbyPromotable: Condition<ServingRecord> = (s) => promotableBlocker(s, standbyOf(s));
export const standbyInSync: Condition<ServingRecord> = (s) => inSyncBlocker(s);

export const standbyStateIs =
  (...states: readonly ServingRecord["standby"][]): Condition<ServingRecord> =>
  ({ record }) =>
    states.includes(record.standby) ? null : `the standby is ${record.standby}, not ${states.join(" or ")}`;

/** A region that holds its own copies of managed indices is no empty standby: those must be salvaged first. */
export const standbyHoldsNothingOfItsOwn: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const look = s.seen.standby;
  if (look === null || look.region !== standby)
    return `${standby} was not looked at: ${s.seen.standbyError ?? "no answer yet"}`;
  const own = look.indices.filter(({ following }) => !following).map(({ name }) => name);
  return own.length === 0
    ? null
    : `${standby} holds ${own.length} managed indices of its own (${own.slice(0, 3).join(", ")}): they may hold writes that exist nowhere else`;
};

/** Good checks in a row, by this watchdog's own looks: a region that is seen for the first time has proven nothing. */
export const standbyRecovered: Condition<ServingRecord> = (s) => {
  const standby = standbyOf(s);
  const successes = s.seen.health[standby]?.successesInARow ?? 0;
  const { recoveryThreshold } = s.config.checks;
  return successes >= recoveryThreshold
    ? majoritySees(s, standby, "healthy")
    : `${standby} has answered ${successes} of ${recoveryThreshold} good checks in a row`;
};

export const standbyWasPrimary: Condition<ServingRecord> = (s) =>
  isFormerPrimary(s.record, standbyOf(s)) ? null : `${standbyOf(s)} was not the active region before`;

export function comparisonBlocker(seen: Observations): string | null {
  const sync = seen.standby?.sync ?? null;
  if (sync === null) return "the two regions have not been compared yet";
  return sync.inSync ? null : sync.reasons.join("; ");
}

/**
 * Whether the standby may be promoted without a human: it was in sync when the active region was last well, and what
 * its followers lacked then stays below the limit. The outage itself makes followers fail to read, so what they say
 * after it began does not count against them.
 */
export function inSyncBlocker(situation: Situation<ServingRecord>): string | null {
  const { record, seen, nowMs, config } = situation;
  const standby = otherRegion(config, record.active);
  if (record.standby !== "in-sync") return `${standby} is not in sync (${record.standby})${syncReasons(seen)}`;
  const { maxReadAgeMs, maxLagOperations } = config.replication;
  const reference = seen.health[record.active]?.lastGoodAtMs ?? nowMs;
  const inSyncAtMs = Math.max(seen.inSyncSeenAtMs ?? 0, record.inSyncAtMs ?? 0);
  if (reference - inSyncAtMs > maxReadAgeMs) {
    return `${standby} was last seen in sync ${reference - inSyncAtMs} ms before ${record.active} was last well (at most ${maxReadAgeMs} allowed)`;
  }
  const emptied = emptiedBlocker(situation);
  if (emptied !== null) return emptied;
  const lag = lagOperations(followersOf(situation));
  return lag > maxLagOperations ? `${standby} is ${lag} operations behind (at most ${maxLagOperations} allowed)` : null;
}

/**
 * Whether the standby lacks most of what the active region was last seen to hold. A new index is followed a little later;
 * a standby that was in sync and now lacks most of them was emptied.
 */
export function emptiedBlocker(situation: Situation<ServingRecord>): string | null {
  const { record, seen, config } = situation;
  const led = seen.leaderSight?.indices ?? [];
  const followed = new Set(followersOf(situation).map(({ leaderIndex }) => leaderIndex));
  const missing = led.filter((index) => !followed.has(index));
  if (seen.standby === null || missing.length * 2 <= led.length) return null;
  return `${otherRegion(config, record.active)} follows ${followed.size} of ${led.length} indices: it lacks most of them`;
}

const followersOf = ({ record, seen }: Situation<ServingRecord>) =>
  (seen.standby?.followers ?? []).filter(({ remoteCluster }) => remoteCluster === record.active);

const syncReasons = ({ standby }: Observations) => {
  const reasons = standby?.sync?.reasons ?? [];
  return reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
};

/** How old a look at the standby may be to act on: two rounds, each of which may wait for one answer. */
export function snapshotMaxAgeMs({ replication, elasticsearch }: WatchdogConfig): number {
  return 2 * (replication.intervalMs + elasticsearch.requestTimeoutMs);
}

/** Whether the cluster of `region` could carry out a promotion: seen recently, licensed, not read-only. */
export function promotableBlocker({ seen, nowMs, config }: Situation, region: RegionName): string | null {
  const look = seen.standby;
  if (look === null || look.region !== region) {
    return `${region} was not looked at${seen.standbyError === null ? " yet" : `: ${seen.standbyError}`}`;
  }
  if (nowMs - look.observedAtMs > snapshotMaxAgeMs(config)) {
    const why = seen.standbyError === null ? "" : `: ${seen.standbyError}`;
    return `the last look at ${region} is ${nowMs - look.observedAtMs} ms old${why}`;
  }
  const { licence, readOnly } = look.readiness;
  if (!licence.active) return `the ${licence.type} licence of ${region} is not active`;
  if (!licence.allowsCcr) return `the ${licence.type} licence of ${region} does not include cross-cluster replication`;
  return readOnly ? `the cluster of ${region} is read-only as a whole` : null;
}
