import type { StatusAnswer } from "../../../watchdog/controller/control-api/api.ts";
import type { WatchdogStatus } from "../../../watchdog/controller/status.ts";
import { health, NOW_MS, promotedUpTo, serving, standbyView } from "../core-fixtures.ts";

/** A status in which nothing is null or empty. */
export const fullStatus: WatchdogStatus = {
  name: "bhs-haproxy-1",
  site: "bhs",
  nowMs: NOW_MS,
  startedAtMs: NOW_MS - 60_000,
  summary: "bhs is being promoted",
  record: promotedUpTo("unfollow"),
  store: { reachable: false, error: "etcd does not answer" },
  self: { trusted: false, reasons: ["the wall clock jumped by 4000 ms against the monotonic one"] },
  files: ["changed files are not used, those of before go on: store.caFile names /etc/ca, which cannot be read"],
  hookRefusal: null,
  regions: [
    {
      region: "gra",
      role: "old",
      health: health("unhealthy"),
      licence: standbyView().readiness.licence,
      snapshots: { lastSuccessAtMs: NOW_MS - 172_800_000, problem: null },
    },
    {
      region: "bhs",
      role: "new",
      health: health("healthy"),
      licence: standbyView().readiness.licence,
      snapshots: { lastSuccessAtMs: null, problem: null },
    },
  ],
  sightings: [
    {
      watchdog: "gra-haproxy-1",
      site: "gra",
      regions: { gra: { state: "suspect", failuresInARow: 2, successesInARow: 0, reason: "no elected master" } },
      atMs: NOW_MS - 300,
      epoch: 2,
      copy: serving(),
    },
  ],
  leadership: { leading: false, leader: "gra-haproxy-1", error: "no answer in time" },
  watchdogs: [{ name: "w-1", site: "witness", router: null, failsafeUrl: "https://192.168.3.20:9443" }],
  silence: {},
  leases: [{ router: "bhs-haproxy-1", acknowledgedEpoch: 2 }],
  failsafe: {
    lastAskedAtMs: NOW_MS - 900,
    fault: "w-1 does not answer",
    answers: [{ watchdog: "w-1", agrees: false, reason: "no answer within 500 ms" }],
    promisedForMs: 8_200.5,
  },
  replication: {
    observedAtMs: NOW_MS - 1_000,
    inSync: false,
    reasons: ["logs-2 is not followed"],
    lagOperations: 12,
    lagMs: 3_200,
    readAgeMs: 700,
    followers: 1,
    leaderIndices: 2,
    protectedIndices: { count: 1, of: 2 },
    unprotected: [
      {
        index: "logs-2",
        state: "copying",
        reason: "logs-2 is still being copied",
        copy: { state: "running", bytesDone: 5, bytesTotal: null, startedAtMs: null, error: null },
        sinceMs: NOW_MS - 3_000,
        established: false,
        required: true,
      },
    ],
    dataStreams: [
      { name: "logs-app", writeIndex: ".ds-logs-app-1", indices: 1, followed: 0, problems: ["it is not followed"] },
    ],
    repairs: [{ atMs: NOW_MS - 5_000, change: "follow logs-2 of gra", error: "no such remote cluster" }],
  },
  plan: [
    {
      kind: "unfollow",
      status: "failed",
      detail: "unfollow 2 indices",
      attempts: 3,
      error: "no answer in time",
      startedAtMs: NOW_MS - 4_000,
      finishedAtMs: null,
      nextAttemptAtMs: NOW_MS + 1_000,
    },
  ],
  router: {
    name: "bhs-haproxy-1",
    summary: "routes to gra (epoch 1)",
    state: {
      tickets: [{ region: "gra", validUntilMs: NOW_MS + 5_000 }],
      servers: [{ region: "gra", name: "gra-es-1", up: false }],
      writes: [{ region: "gra", firstAtMs: NOW_MS - 30_000, lastAtMs: NOW_MS - 20_000 }],
    },
    ticket: { region: "gra", epoch: 1, validUntilMs: NOW_MS + 5_000 },
    leaseUntilMs: NOW_MS + 9_000,
    writePause: { fromMs: NOW_MS - 46_400, toMs: NOW_MS - 30_000 },
    acknowledgedEpoch: 1,
    error: "HAProxy does not answer",
  },
  notifications: {
    targets: [
      {
        name: "on-call",
        kind: "webhook",
        delivered: 3,
        failed: 2,
        givenUp: 1,
        pending: 1,
        oldestPendingAtMs: NOW_MS - 700_000,
        lastDeliveredAtMs: NOW_MS - 900_000,
        error: "hooks.example.com: connection refused",
      },
    ],
  },
  decisions: [{ atMs: NOW_MS - 2_000, rule: "promotion-goes-on", epoch: 2, explanation: "bhs is being promoted" }],
};

export const applications: NonNullable<StatusAnswer["applications"]> = {
  epoch: 1,
  instances: [
    {
      ...{ application: "orders", instance: "host1:4711", epoch: 0, problem: "no file", confirmed: true },
      ...{ atMs: NOW_MS, sinceMs: NOW_MS, behind: true },
    },
  ],
};
