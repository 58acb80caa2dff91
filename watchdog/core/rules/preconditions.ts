import type { RegionName } from "../../config/address.ts";
import type { ActiveSnapshot } from "../state/observations.ts";
import { isManaged } from "../state/patterns.ts";
import type { ChangeRequest, ServingRecord } from "../state/record.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { notPaused, oneRouter } from "./conditions/automatic.ts";
import { majoritySees } from "./conditions/majority.ts";
import {
  comparisonBlocker,
  inSyncBlocker,
  promotableBlocker,
  snapshotMaxAgeMs,
  standbyRecovered,
} from "./conditions/standby.ts";
import type { Condition } from "./rule.ts";

/**
 * What a planned switchover to the standby needs, as sentences of what is missing: everything that could fail later, or
 * cost a write, is asked before any router closes. Empty when nothing stands in the way.
 */
export function switchoverBlockers(s: Situation<ServingRecord>): readonly string[] {
  const { record, config } = s;
  const standby = standbyOf(s);
  const healthy: Condition<ServingRecord>[] = [
    () => majoritySees(s, record.active, "healthy"),
    () => majoritySees(s, standby, "healthy"),
    () => promotableBlocker(s, standby),
    oneRouter,
    () => (record.plan === null ? null : `a ${record.plan.kind} is under way`),
    () => (record.standby === "in-sync" ? null : `${standby} is not in sync (${record.standby})`),
    ({ seen }) => comparisonBlocker(seen),
  ];
  return [
    ...healthy.flatMap((condition) => condition(s) ?? []),
    ...reversalBlockers(s),
    ...aliasBlockers(s.seen.leaderSight, config.replication),
  ];
}

/** What the region that is active now needs to become the standby of the other one. */
function reversalBlockers(s: Situation<ServingRecord>): readonly string[] {
  const { record, seen, nowMs, config } = s;
  const { active } = seen;
  if (active === null || active.region !== record.active || nowMs - active.observedAtMs > snapshotMaxAgeMs(config)) {
    return [`${record.active} was not looked at lately`];
  }
  const { licence, remote, nodesLowOnDisk, readOnly, version } = active.readiness;
  const { region } = active;
  const standby = standbyOf(s);
  const faults: string[] = [];
  if (!licence.active || !licence.allowsCcr) {
    faults.push(`the ${licence.type} licence of ${region} does not let it follow: it could not become the standby`);
  }
  if (!remote.connected) faults.push(`${region} does not reach ${standby} as a remote cluster: it could not follow it`);
  if (nodesLowOnDisk.length > 0)
    faults.push(`no room in ${region} for the copy: ${nodesLowOnDisk.join(", ")} low on disk`);
  if (readOnly) faults.push(`the cluster of ${region} is read-only as a whole`);
  const next = seen.standby?.readiness.version;
  if (next !== undefined && isOlder(version, next)) {
    faults.push(`${region} runs ${version}, older than the ${next} of ${standby}: it could not follow a newer leader`);
  }
  return [...faults, ...closedIndexBlockers(active, config.rejoin.policy)];
}

/** A closed index is not replicated, and could not be salvaged before it gives way. */
function closedIndexBlockers({ region, indices }: ActiveSnapshot, policy: "delete" | "keep"): readonly string[] {
  const closed = indices.filter(({ open }) => !open).map(({ name }) => name);
  if (policy === "keep" || closed.length === 0) return [];
  const names = `${closed.slice(0, 3).join(", ")}${closed.length > 3 ? ` and ${closed.length - 3} more` : ""}`;
  return [`closed in ${region}, so not replicated: ${names}; open or delete them first`];
}

/**
 * Write aliases that the watchdog could not set after a promotion, as its role ends at the managed patterns, and
 * Elasticsearch asks for the privilege on the alias as well.
 */
export function aliasBlockers(
  sight: LeaderSnapshot | null,
  managed: Parameters<typeof isManaged>[0],
): readonly string[] {
  return (sight?.writeAliases ?? [])
    .filter(({ alias }) => !isManaged(managed, alias))
    .map(
      ({ alias, index }) =>
        `${alias}, an alias that writes to ${index}, is outside the managed patterns: the watchdog may not turn it; ` +
        "add its name to replication.patterns or rename it",
    );
}

/** A failover that an operator asked for: `force` is for a standby behind its leader, and a leader that is well. */
function failoverBlockers(s: Situation<ServingRecord>, { force }: ChangeRequest): readonly string[] {
  const standby = standbyOf(s);
  const faults = [majoritySees(s, standby, "healthy"), promotableBlocker(s, standby), oneRouter(s)];
  if (!force) {
    const isWell = majoritySees(s, s.record.active, "healthy") === null;
    const { active } = s.record;
    faults.push(inSyncBlocker(s));
    faults.push(
      isWell ? `${active} is healthy: a switchover loses nothing; a failover away from it needs --force` : null,
    );
  }
  return faults.filter((fault) => fault !== null);
}

/** Why an operator's request cannot be granted now; empty when it can. */
export function requestBlockers(s: Situation<ServingRecord>, request: ChangeRequest): readonly string[] {
  if (s.nowMs > request.validUntilMs) return ["nobody decided on it in time: ask again", ...blockersOf(s, request)];
  if (request.to !== standbyOf(s)) return [`${request.to} is not the standby: ${s.record.active} is active`];
  return blockersOf(s, request);
}

function blockersOf(s: Situation<ServingRecord>, request: ChangeRequest): readonly string[] {
  switch (request.kind) {
    case "failover":
      return failoverBlockers(s, request);
    case "switchover":
      return switchoverBlockers(s);
    default:
      throw new Error(`unknown request in ${JSON.stringify(request.kind satisfies never)}`);
  }
}

/** Whether enough is known to judge a request: a watchdog that has just started waits for its first looks. */
export function isJudgeable({ seen, config }: Situation<ServingRecord>): boolean {
  const isProbed = (region: RegionName) => (seen.health[region]?.state ?? "unknown") !== "unknown";
  return Object.keys(config.regions).every(isProbed) && (seen.standby !== null || seen.standbyError !== null);
}

/** What keeps the first primary from becoming active again by itself. */
export function failbackBlockers(s: Situation<ServingRecord>): readonly string[] {
  const { record, config, nowMs } = s;
  const { automatic, quietPeriodMs } = config.failback;
  if (!automatic) return ["failback.automatic is off"];
  if (record.active === config.firstPrimary) return [`${config.firstPrimary} is active already`];
  if (record.lastFailover?.kind !== "failover") return ["the active region was changed on purpose"];
  const quietMs = record.inSyncSinceMs === null ? 0 : nowMs - record.inSyncSinceMs;
  const quiet = quietMs >= quietPeriodMs ? [] : [`in sync for ${quietMs} of the ${quietPeriodMs} ms asked for`];
  const gates = [notPaused, standbyRecovered].flatMap((condition) => condition(s) ?? []);
  return [...quiet, ...gates, ...switchoverBlockers(s)];
}

/** Compares dotted versions number by number; what follows a hyphen does not count. */
export function isOlder(a: string, b: string): boolean {
  const numbers = (version: string) => (version.split("-")[0] ?? "").split(".").map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let n = 0; n < Math.max(left.length, right.length); n += 1) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
