import type { RegionName } from "../../config/address.ts";
import type { WatchdogConfig } from "../../config/schema.ts";
import type { KnownWatchdog } from "../state/coordination.ts";
import type { HealthState } from "../state/health.ts";
import type { Observations } from "../state/observations.ts";
import type { ServingRecord, StateRecord } from "../state/record.ts";
import { lagOperations } from "../state/replication.ts";

/** What a rule looks at: the record (of one phase, or none), what was observed, the time, the configuration. */
export interface Situation<R extends StateRecord | null = StateRecord | null> {
  readonly record: R;
  readonly seen: Observations;
  readonly nowMs: number;
  readonly config: WatchdogConfig;
}

/** null when the condition holds, else what stands in the way, as a sentence. */
export type Condition<R extends StateRecord | null> = (situation: Situation<R>) => string | null;

/** The third site, which holds no data. */
export const WITNESS_SITE = "witness";

/**
 * Sites whose word counts, whether or not they are heard from. With a file store there is one watchdog, so its own site
 * decides alone.
 */
export function voters(config: WatchdogConfig): readonly string[] {
  const { kind } = config.store;
  switch (kind) {
    case "file":
      return [config.site];
    case "etcd":
      return [...Object.keys(config.regions), WITNESS_SITE];
    default:
      throw new Error(`unknown store ${kind satisfies never}`);
  }
}

/** null when a majority of all sites is heard from. */
export function majorityPresent({ seen, config }: Situation): string | null {
  const all = voters(config);
  const missing = all.filter((site) => !seen.sites.some((view) => view.site === site));
  const needed = Math.floor(all.length / 2) + 1;
  return all.length - missing.length >= needed ? null : `${missing.join(" and ")} are not heard from`;
}

/**
 * null when a majority of all sites knows the record's epoch (rule known-to-a-majority). Should the store be lost, any
 * majority that fills it anew then holds a copy that says what was begun. A router that has acknowledged the epoch has
 * put the record on its host's disk, too.
 */
export function majorityKnows({ record, seen, config }: Situation<StateRecord>): string | null {
  const all = voters(config);
  const acknowledged = (seen.routers ?? []).filter(({ acknowledgedEpoch }) => acknowledgedEpoch >= record.epoch);
  const sitesOfRouters = record.watchdogs
    .filter(({ router }) => acknowledged.some((lease) => lease.router === router))
    .map(({ site }) => site);
  const told = seen.sites.filter(({ epoch }) => (epoch ?? 0) >= record.epoch).map(({ site }) => site);
  const knowing = new Set([config.site, ...sitesOfRouters, ...told]);
  const needed = Math.floor(all.length / 2) + 1;
  const missing = all.filter((site) => !knowing.has(site));
  return all.length - missing.length >= needed
    ? null
    : `${missing.join(" and ")} do not know of epoch ${record.epoch} yet`;
}

/** What the others are told of this watchdog. */
export function knownSelf({ name, site, router, failsafe }: WatchdogConfig): KnownWatchdog {
  return { name, site, router: router === null ? null : name, failsafeUrl: failsafe?.url ?? null };
}

/** The region that is not `region`. */
export function otherRegion(config: WatchdogConfig, region: RegionName): RegionName {
  const other = Object.keys(config.regions).find((name) => name !== region);
  if (other === undefined) throw new Error(`the configuration names no region beside ${region}`);
  return other;
}

/** null when a majority of all sites (not only of those heard from) sees the region in `state`. */
export function majoritySees(situation: Situation, region: RegionName, state: HealthState): string | null {
  const all = voters(situation.config);
  const agreeing = situation.seen.sites.filter(({ site, regions }) => all.includes(site) && regions[region] === state);
  const needed = Math.floor(all.length / 2) + 1;
  if (agreeing.length >= needed) return null;
  const own = situation.seen.health[region];
  const views = all.map((site) => {
    const view = situation.seen.sites.find((candidate) => candidate.site === site);
    return `${site}: ${view?.regions[region] ?? "not heard from"}`;
  });
  const votes = all.length === 1 ? "" : ` by ${agreeing.length} of the ${needed} sites needed (${views.join(", ")})`;
  return `${region} is not seen ${state}${votes}: ${own?.reason ?? "not probed yet"}`;
}

/**
 * Whether the standby may be promoted without a human: it was in sync when the active region was last well, and what
 * its followers lacked then stays below the limit. The outage itself makes followers fail to read, so what they say
 * after it began does not count against them.
 */
export function inSyncFault(situation: Situation<ServingRecord>): string | null {
  const { record, seen, nowMs, config } = situation;
  const standby = otherRegion(config, record.active);
  if (record.standby !== "in-sync") return `${standby} is not in sync (${record.standby})${syncReasons(seen)}`;
  const { maxReadAgeMs, maxLagOperations } = config.replication;
  const reference = seen.health[record.active]?.lastGoodAtMs ?? nowMs;
  const inSyncAtMs = Math.max(seen.inSyncSeenAtMs ?? 0, record.inSyncAtMs ?? 0);
  if (reference - inSyncAtMs > maxReadAgeMs) {
    return `${standby} was last seen in sync ${reference - inSyncAtMs} ms before ${record.active} was last well (at most ${maxReadAgeMs} allowed)`;
  }
  const emptied = emptiedFault(situation);
  if (emptied !== null) return emptied;
  const lag = lagOperations(followersOf(situation));
  return lag > maxLagOperations ? `${standby} is ${lag} operations behind (at most ${maxLagOperations} allowed)` : null;
}

/**
 * Whether the standby lacks most of what the active region was last seen to hold. A new index is followed a little later;
 * a standby that was in sync and now lacks most of them was emptied.
 */
export function emptiedFault(situation: Situation<ServingRecord>): string | null {
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
export function lookMaxAgeMs({ replication, elasticsearch }: WatchdogConfig): number {
  return 2 * (replication.intervalMs + elasticsearch.requestTimeoutMs);
}

/** Whether the cluster of `region` could carry out a promotion: seen recently, licensed, not read-only. */
export function promotableFault({ seen, nowMs, config }: Situation, region: RegionName): string | null {
  const look = seen.standby;
  if (look === null || look.region !== region) {
    return `${region} was not looked at${seen.standbyError === null ? " yet" : `: ${seen.standbyError}`}`;
  }
  if (nowMs - look.observedAtMs > lookMaxAgeMs(config)) {
    const why = seen.standbyError === null ? "" : `: ${seen.standbyError}`;
    return `the last look at ${region} is ${nowMs - look.observedAtMs} ms old${why}`;
  }
  const { licence, readOnly } = look.readiness;
  if (!licence.active) return `the ${licence.type} licence of ${region} is not active`;
  if (!licence.allowsCcr) return `the ${licence.type} licence of ${region} does not include cross-cluster replication`;
  return readOnly ? `the cluster of ${region} is read-only as a whole` : null;
}
