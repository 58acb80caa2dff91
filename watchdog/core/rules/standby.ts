import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { Observations } from "../state/observations.ts";
import type { ServingRecord } from "../state/record.ts";
import { otherRegion, type Situation } from "../state/situation.ts";
import { lagOperations } from "../state/sync.ts";

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
