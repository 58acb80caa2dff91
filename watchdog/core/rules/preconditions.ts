import type { WatchdogConfig } from "../../config/schema.ts";
import { listed } from "../../util/text.ts";
import { copyNow } from "../state/first-copy.ts";
import { isProbed } from "../state/health.ts";
import type { ActiveSnapshot } from "../state/observations.ts";
import { isManaged } from "../state/patterns.ts";
import type { ChangeRequest, ServingRecord } from "../state/record.ts";
import type { LeaderSnapshot } from "../state/record-fields.ts";
import { type Situation, standbyOf } from "../state/situation.ts";
import { indicesToJoin } from "../state/to-join.ts";
import type { UnprotectedIndex } from "../state/unprotected.ts";
import { activeUnknown } from "./conditions/active.ts";
import { notPaused, oneRouter } from "./conditions/automatic.ts";
import { hookRefusal } from "./conditions/hooks.ts";
import { majoritySees } from "./conditions/majority.ts";
import {
  comparisonBlocker,
  followersInSnapshot,
  inSyncBlocker,
  licenceBlocker,
  promotableBlocker,
  redBlocker,
  snapshotMaxAgeMs,
  standbyRecovered,
  unpromotable,
} from "./conditions/standby.ts";
import type { Condition } from "./rule.ts";

/**
 * What blocks a switchover to the standby; empty when nothing does. Whatever could fail later, or cost a write, is checked
 * before any router closes.
 */
export function switchoverBlockers(s: Situation<ServingRecord>): readonly string[] {
  const { record, config } = s;
  const standby = standbyOf(s);
  const healthy: Condition<ServingRecord>[] = [
    () => majoritySees(s, record.active, "healthy"),
    () => majoritySees(s, standby, "healthy"),
    () => promotableBlocker(s, standby),
    () => redBlocker(s, record.active),
    oneRouter,
    () => (record.plan === null ? null : `a ${record.plan.kind} is under way`),
    () => (record.standby === "in-sync" ? null : `${standby} is not in sync (${record.standby})`),
    ({ seen }) => comparisonBlocker(seen),
    ({ seen }) => unprotectedBlocker(seen.standby?.sync?.unprotected ?? []),
    snapshotBlocker,
  ];
  return [
    ...healthy.flatMap((condition) => condition(s) ?? []),
    ...copyBlockers(s),
    ...joinBlockers(s),
    ...reversalBlockers(s),
    ...aliasBlockers(s.seen.leaderSight, config.replication),
  ];
}

/**
 * New indices and those that are not required do not take the standby out of sync, but a planned change would lose them. Of
 * copies `copyBlockers` has more. What can never be followed would prevent every change.
 */
function unprotectedBlocker(unprotected: readonly UnprotectedIndex[]): string | null {
  const reasons = unprotected
    .filter(({ state, established, required, copy }) => {
      const isVeto = established && required;
      return !isVeto && copy === null && state !== "unfollowable";
    })
    .map(({ reason }) => reason);
  if (reasons.length === 0) return null;
  return `not protected yet: ${reasons[0]}${reasons.length > 1 ? `; and ${reasons.length - 1} more` : ""}`;
}

/** A switchover loses nothing: it does not begin while it would leave out an index whose first copy is unfinished. */
function copyBlockers({ seen, nowMs }: Situation<ServingRecord>): readonly string[] {
  const copies = (seen.standby?.indices ?? []).flatMap(({ name, following, firstCopy }) =>
    following && firstCopy !== null ? [`${name}: ${copyNow(firstCopy, nowMs)}`] : [],
  );
  return copies.length === 0 ? [] : [`the switchover would leave out ${listed(copies, 3)}`];
}

/** An automatic failover does not ask: it leaves such indices out. */
function snapshotBlocker(s: Situation<ServingRecord>): string | null {
  const held = followersInSnapshot(s);
  if (held.length === 0) return null;
  const standby = standbyOf(s);
  return (
    `a snapshot that runs in ${standby} holds ${listed(held)}: it cannot be promoted until that has ended; wait, or cancel the ` +
    "snapshot (`GET /_snapshot/_status` names it); a failover with --force leaves it out, and it joins later"
  );
}

/** What the active region has yet to serve, the standby does not follow. */
function joinBlockers({ record, seen }: Situation<ServingRecord>): readonly string[] {
  const strays = seen.active?.region === record.active ? seen.active.strays : [];
  const names = [...new Set([...indicesToJoin(record), ...strays])];
  return names.length === 0 ? [] : [`left out in ${record.active}, and not joined yet: ${listed(names, 3)}`];
}

/** What blocks the active region from becoming the standby of the other one. */
function reversalBlockers(s: Situation<ServingRecord>): readonly string[] {
  const { record, seen, nowMs, config } = s;
  const { active } = seen;
  if (active === null || active.region !== record.active || nowMs - active.observedAtMs > snapshotMaxAgeMs(config)) {
    return [`there is no recent snapshot of ${record.active}`];
  }
  const { licence, remote, nodesLowOnDisk, readOnly, version } = active.readiness;
  const { region } = active;
  const standby = standbyOf(s);
  const blockers: string[] = [];
  if (!licence.active || !licence.allowsCcr) {
    blockers.push(
      `the ${licence.type} licence of ${region} does not permit it to follow: it could not become the standby`,
    );
  }
  if (!remote.connected) {
    const key = config.remoteClusterSecurity === "api_key" && !remote.keyed ? " and has no API key of it" : "";
    blockers.push(`${region} is not connected to the remote cluster ${standby}${key}: it could not follow it`);
  }
  if (nodesLowOnDisk.length > 0)
    blockers.push(`${region} has no room for the copy: ${nodesLowOnDisk.join(", ")} low on disk`);
  if (readOnly) blockers.push(`a cluster-wide block makes ${region} read-only`);
  const next = seen.standby?.readiness.version;
  if (next !== undefined && isOlder(version, next)) {
    blockers.push(
      `${region} runs ${version}, older than the ${next} of ${standby}: it could not follow a newer leader`,
    );
  }
  return [...blockers, ...closedIndexBlockers(active, config.rejoin.policy)];
}

/** A closed index is not replicated, and could not be salvaged before it is deleted. */
function closedIndexBlockers(
  { region, indices }: ActiveSnapshot,
  policy: WatchdogConfig["rejoin"]["policy"],
): readonly string[] {
  const closed = indices.filter(({ open }) => !open).map(({ name }) => name);
  if (policy === "keep" || closed.length === 0) return [];
  return [`closed in ${region}, so not replicated: ${listed(closed, 3)}; open or delete them first`];
}

/**
 * Write aliases that the watchdog could not set after a promotion: its role covers the managed patterns only, and
 * Elasticsearch requires the privilege on the alias as well.
 */
export function aliasBlockers(
  leader: LeaderSnapshot | null,
  managed: Parameters<typeof isManaged>[0],
): readonly string[] {
  return (leader?.writeAliases ?? [])
    .filter(({ alias }) => !isManaged(managed, alias))
    .map(
      ({ alias, index }) =>
        `${alias}, an alias that writes to ${index}, is outside the managed patterns: the watchdog has no privilege to set it; ` +
        "add its name to replication.patterns or rename it",
    );
}

/**
 * What blocks a failover that an operator asked for; `force` permits a standby that is not in sync, has no licence or is
 * partly held by a snapshot, and an active region that is healthy or of which nothing is known.
 */
function failoverBlockers(s: Situation<ServingRecord>, { force }: ChangeRequest): readonly string[] {
  const standby = standbyOf(s);
  const needed = [majoritySees(s, standby, "healthy"), unpromotable(s, standby), oneRouter(s)];
  const spared = force ? [] : [licenceBlocker(s, standby), inSyncBlocker(s), snapshotBlocker(s), activeBlocker(s)];
  return [...needed, ...spared].filter((blocker) => blocker !== null);
}

function activeBlocker(s: Situation<ServingRecord>): string | null {
  const { active } = s.record;
  if (majoritySees(s, active, "healthy") === null) {
    return `${active} is healthy: a switchover loses no write; a failover away from it needs --force`;
  }
  return activeUnknown(s) === null
    ? `whether ${active} serves is not known (${s.seen.health[active]?.reason}): a failover away from it needs --force`
    : null;
}

/** What blocks an operator's request now; empty when nothing does. */
export function requestBlockers(s: Situation<ServingRecord>, request: ChangeRequest): readonly string[] {
  if (s.nowMs > request.validUntilMs) {
    const validS = Math.round((request.validUntilMs - request.atMs) / 1000);
    return [`no controller handled the request within ${validS} s: ask again`, ...blockersOf(s, request)];
  }
  if (request.to !== standbyOf(s)) return [`${request.to} is not the standby: ${s.record.active} is active`];
  return [...blockersOf(s, request), ...[hookRefusal(s)].filter((blocker) => blocker !== null)];
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

/** Whether enough is known to handle a request: a controller that has just started waits for its first observations. */
export function isJudgeable({ seen, config }: Situation<ServingRecord>): boolean {
  const areProbed = Object.keys(config.regions).every((region) => isProbed(seen.health[region]));
  return areProbed && (seen.standby !== null || seen.standbyError !== null);
}

/** What blocks an automatic failback to the first primary; empty when nothing does. */
export function failbackBlockers(s: Situation<ServingRecord>): readonly string[] {
  const { record, config, nowMs } = s;
  const { automatic, quietPeriodMs } = config.failback;
  if (!automatic) return ["failback.automatic is off"];
  if (record.active === config.firstPrimary) return [`${config.firstPrimary} is already active`];
  if (record.lastFailover?.kind !== "failover") return ["the last change of the active region was a switchover"];
  const quietMs = record.inSyncSinceMs === null ? 0 : nowMs - record.inSyncSinceMs;
  const quiet =
    quietMs >= quietPeriodMs
      ? []
      : [`in sync for ${Math.round(quietMs / 1000)} s of the ${Math.round(quietPeriodMs / 1000)} s required`];
  const gates = [notPaused, standbyRecovered].flatMap((condition) => condition(s) ?? []);
  return [...quiet, ...gates, ...switchoverBlockers(s)];
}

/** Compares dotted versions number by number; a suffix after a hyphen is ignored. */
export function isOlder(a: string, b: string): boolean {
  const numbers = (version: string) => (version.split("-")[0] ?? "").split(".").map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let n = 0; n < Math.max(left.length, right.length); n += 1) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
