import {
  defaultRouterSettings,
  type WatchdogConfig,
  type WatchdogConfigInput,
  watchdogConfigSchema,
} from "../../watchdog/config/schema.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { DataStreamState, FirstCopy, Follower, IndexState } from "../../watchdog/core/state/cluster.ts";
import { type HealthState, type RegionHealth, unknownHealth } from "../../watchdog/core/state/health.ts";
import type { ActiveSnapshot, Observations, StandbySnapshot } from "../../watchdog/core/state/observations.ts";
import type { ClosingRecord, PromotingRecord, ServingRecord } from "../../watchdog/core/state/record.ts";
import type { LeaderSnapshot } from "../../watchdog/core/state/record-fields.ts";

/** A moment to count from; whole hours make the texts readable. */
export const NOW_MS = Date.UTC(2030, 0, 1, 12);

const configInput: WatchdogConfigInput = {
  name: "bhs-haproxy-1",
  site: "bhs",
  regions: { gra: { nodes: ["https://192.168.1.11:9200"] }, bhs: { nodes: ["https://192.168.2.11:9200"] } },
  firstPrimary: "gra",
  elasticsearch: { username: "es-failover", passwordFile: "/etc/p", caFile: "/etc/ca" },
  replication: { patterns: ["logs-*"] },
  store: { kind: "file", directory: "/var/lib/es-failover" },
  router: {},
};

export const config: WatchdogConfig = watchdogConfigSchema.parse(configInput);

const etcdInput = {
  kind: "etcd",
  endpoints: ["https://192.168.2.20:2379"],
  caFile: "/etc/ca",
  certificateFile: "/etc/c",
  keyFile: "/etc/k",
  username: "es-failover",
  passwordFile: "/etc/e",
} as const;

const failsafeInput = {
  listen: "192.168.2.20:9443",
  url: "https://192.168.2.20:9443",
  certificateFile: "/etc/c",
  keyFile: "/etc/k",
  caFile: "/etc/ca",
};

/** The settings of a watchdog that is one of several, with their defaults. */
export const { store: etcd, failsafe } = watchdogConfigSchema.parse({
  ...configInput,
  store: etcdInput,
  failsafe: failsafeInput,
});

export const routerSettings = defaultRouterSettings;

export const index = (name: string, changes: Partial<IndexState> = {}): IndexState => ({
  name,
  uuid: `uuid-${name}`,
  createdAtMs: NOW_MS - 86_400_000,
  open: true,
  primaries: 1,
  primariesActive: 1,
  aliases: [],
  dataStream: null,
  writeBlocked: false,
  following: false,
  firstCopy: null,
  noCopy: false,
  indexingComplete: false,
  searchableSnapshot: false,
  ...changes,
});

/** A follower in its first copy, which is at 37 % after a minute. */
export const copying = (
  name: string,
  copy: Partial<FirstCopy> = {},
  changes: Partial<IndexState> = {},
): IndexState => ({
  ...index(name, { following: true, primariesActive: 0, ...changes }),
  firstCopy: {
    state: "running",
    bytesDone: 37,
    bytesTotal: 100,
    startedAtMs: NOW_MS - 60_000,
    error: null,
    ...copy,
  },
});

export const follower = (
  name: string,
  shard: Partial<Follower["shards"][number]> = {},
  changes: Partial<Follower> = {},
): Follower => ({
  index: name,
  leaderIndex: name,
  leaderUuid: `uuid-${name}`,
  remoteCluster: "gra",
  status: "active",
  shards: [
    {
      shard: 0,
      followerCheckpoint: 100,
      leaderCheckpointLastKnown: 100,
      millisSinceLastRead: 500,
      reads: 1,
      failedReads: 0,
      failedWrites: 0,
      readErrors: [],
      fatalError: null,
      ...shard,
    },
  ],
  ...changes,
});

export const standbyView = (changes: Partial<StandbySnapshot> = {}): StandbySnapshot => ({
  region: "bhs",
  observedAtMs: NOW_MS - 1_000,
  readiness: {
    licence: { type: "trial", active: true, allowsCcr: true, expiresAtMs: null },
    version: "9.5.3",
    remote: { configured: true, connected: true, keyed: false },
    nodesLowOnDisk: [],
    readOnly: false,
    snapshotting: [],
    allocatesPrimaries: true,
  },
  indices: [index("logs-1", { following: true })],
  followers: [follower("logs-1")],
  autoFollow: [
    { name: "es-failover-from-gra", remoteCluster: "gra", patterns: ["logs-*"], exclusions: [], active: true },
  ],
  dataStreams: [],
  checkpoints: [],
  sync: { inSync: true, reasons: [], unprotected: [], lagOperations: 0, readAgeMs: 500 },
  ...changes,
});

/** The answer of a region that is well. */
export const goodProbe = {
  reachable: true,
  clusterUuid: "uuid",
  version: "9.5.3",
  master: "node-1",
  status: "green",
  managedIndices: 2,
  redIndices: [],
  copyingIndices: [],
  clusterBlocks: [],
  floodedIndices: [],
  licenceLapsed: false,
  nodes: 3,
} as const;

export function health(state: HealthState, reason?: string): RegionHealth {
  if (state === "unknown") return unknownHealth;
  const isGood = state === "healthy" || state === "recovering";
  return {
    state,
    provenState: state,
    byProbes: { state, failuresInARow: isGood ? 0 : 3, successesInARow: isGood ? 100 : 0 },
    failuresInARow: isGood ? 0 : state === "suspect" ? 1 : 3,
    successesInARow: isGood ? 3 : 0,
    inconclusiveInARow: 0,
    problems: [],
    reason: reason ?? (isGood ? "green, 3 nodes" : "no node answers: connection refused (3 failed checks in a row)"),
    sinceMs: NOW_MS - 5_000,
    lastProbeAtMs: NOW_MS - 500,
    lastGoodAtMs: isGood ? NOW_MS - 500 : NOW_MS - 30_500,
    failingSinceMs: isGood ? null : NOW_MS - 20_500,
    lastProbe: isGood ? goodProbe : { reachable: false, kind: "unreachable", error: "connection refused" },
  };
}

/** Health of both regions, as this site and every other one sees it. */
export function seenHealth(gra: HealthState, bhs: HealthState): Pick<Observations, "health" | "sites"> {
  return {
    health: { gra: health(gra), bhs: health(bhs) },
    sites: [{ site: "bhs", regions: { gra, bhs } }],
  };
}

export const sight: LeaderSnapshot = {
  atMs: NOW_MS - 31_000,
  indices: ["logs-1", "logs-2"],
  uuids: [
    { index: "logs-1", uuid: "uuid-logs-1" },
    { index: "logs-2", uuid: "uuid-logs-2" },
  ],
  shards: [{ index: "logs-1", shard: 0, maxSeqNo: 105 }],
  writeAliases: [],
  aliases: [],
  indexingComplete: [],
  unfollowable: [],
  unmatched: [],
  deleted: [],
  writeBlocked: [],
  peakOperationsPerSecond: 10,
};

/** A data stream of backing indices as `index` makes them. */
export const dataStream = (
  name: string,
  indices: readonly string[],
  changes: Partial<DataStreamState> = {},
): DataStreamState => ({
  name,
  indices: indices.map((each) => ({ name: each, uuid: `uuid-${each}` })),
  writeIndex: indices.at(-1) ?? "",
  replicated: false,
  hasTemplate: true,
  failureIndices: [],
  ...changes,
});

const self = { name: "bhs-haproxy-1", site: "bhs", router: "bhs-haproxy-1", failsafeUrl: null };
export const activeView = (changes: Partial<ActiveSnapshot> = {}): ActiveSnapshot => ({
  region: "gra",
  observedAtMs: NOW_MS - 1_000,
  readiness: standbyView().readiness,
  indices: [index("logs-1")],
  dataStreams: [],
  strays: [],
  unmatched: [],
  ...changes,
});

export const observations = (changes: Partial<Observations> = {}): Observations => ({
  ...seenHealth("healthy", "healthy"),
  standby: standbyView(),
  active: activeView(),
  standbyError: null,
  inSyncSeenAtMs: NOW_MS - 31_000,
  leaderSight: sight,
  routers: [{ router: "bhs-haproxy-1", acknowledgedEpoch: 1 }],
  store: { reachable: true, error: null },
  leadership: { leading: true, leader: "bhs-haproxy-1", error: null },
  known: [self],
  promisedForMs: 0,
  filledKnownForMs: null,
  selfDoubt: [],
  newestCopy: null,
  copyError: null,
  firstLooks: [],
  ...changes,
});

const everyPhase = {
  schemaVersion: 1,
  cause: "gra is the configured first primary",
  startedAtMs: NOW_MS - 3_600_000,
  blockedUntilMs: null,
  paused: null,
  lastFailover: null,
  writeBlocks: null,
  halfPromoted: null,
  watchdogs: [self],
  filledAtMs: null,
} as const;

export const serving = (changes: Partial<ServingRecord> = {}): ServingRecord => ({
  ...everyPhase,
  epoch: 1,
  sequence: 7,
  phase: "serving",
  active: "gra",
  standby: "in-sync",
  inSyncAtMs: NOW_MS - 40_000,
  inSyncSinceMs: NOW_MS - 3_600_000,
  allProtectedAtMs: null,
  plan: null,
  request: null,
  discardTriedAtMs: null,
  deletedLeaders: [],
  unfinishedCopies: [],
  ...changes,
});

const change = {
  change: "failover",
  standbyBefore: { state: "in-sync", inSyncAtMs: NOW_MS - 40_000 },
  from: "gra",
  to: "bhs",
  automatic: true,
  leaderSight: sight,
  startedAtMs: NOW_MS - 4_000,
  abort: null,
} as const;

export const closing = (changes: Partial<ClosingRecord> = {}): ClosingRecord => ({
  ...everyPhase,
  ...change,
  epoch: 2,
  sequence: 8,
  phase: "closing",
  ...changes,
});

export const promoting = (changes: Partial<PromotingRecord> = {}): PromotingRecord => ({
  ...everyPhase,
  ...change,
  epoch: 2,
  sequence: 9,
  phase: "promoting",
  closedAtMs: NOW_MS - 2_000,
  plan: planPromotion("gra", standbyView(), sight, config, NOW_MS - 2_000),
  ...changes,
});

/** A promotion of which every step up to the named one (without it) is done. */
export function promotedUpTo(kind: string | null): PromotingRecord {
  const record = promoting();
  const at = kind === null ? record.plan.steps.length : record.plan.steps.findIndex((step) => step.kind === kind);
  const loss = { atLeast: 5, atMost: 605, shards: [], unseenMs: 29_000, explanation: "between 5 and 605 operations" };
  const checkpoints = [{ index: "logs-1", shard: 0, globalCheckpoint: 100, maxSeqNo: 100 }];
  const steps = record.plan.steps.map((step, n) => {
    if (n >= at) return step;
    const done = { ...step, status: "done", attempts: 1, startedAtMs: NOW_MS, finishedAtMs: NOW_MS } as const;
    return done.kind === "record-checkpoints" ? { ...done, checkpoints, loss } : done;
  });
  return { ...record, plan: { ...record.plan, steps } };
}

/** bhs serves after a failover from gra, whose logs-1 had been copied up to operation 100; gra has not rejoined. */
export function afterFailover(changes: Partial<ServingRecord> = {}): ServingRecord {
  const { record } = decide(promotedUpTo(null), observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
  if (record?.phase !== "serving") throw new Error("the promotion is not done");
  return { ...record, ...changes };
}
