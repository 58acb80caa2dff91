import type { StatusAnswer } from "../../../watchdog/controller/control-api/api.ts";
import type { StepReport } from "../../../watchdog/controller/status.ts";
import { describeStep } from "../../../watchdog/core/plans/describe-step.ts";
import type { PlannedRecord } from "../../../watchdog/core/state/record.ts";
import type { LagSample } from "../../../watchdog/page/lag-samples.ts";
import type { PageView } from "../../../watchdog/page/view.ts";
import { afterFailover, closing, health, NOW_MS, promotedUpTo, serving, standbyView } from "../core-fixtures.ts";
import { applications, fullStatus } from "./full-status.ts";

/** What the status page shows in the situations that a watchdog can be in: five watchdogs, of which this one is the controller. */

const name = "bhs-haproxy-1";
const members = [
  { name: "bhs-haproxy-1", site: "bhs", router: "bhs-haproxy-1" },
  { name: "bhs-haproxy-2", site: "bhs", router: "bhs-haproxy-2" },
  { name: "gra-haproxy-1", site: "gra", router: "gra-haproxy-1" },
  { name: "gra-haproxy-2", site: "gra", router: "gra-haproxy-2" },
  { name: "witness-1", site: "witness", router: null },
].map((member) => ({ ...member, failsafeUrl: `https://${member.name}:9443` }));

const { licence } = standbyView().readiness;
const healthy = health("healthy");
const unhealthy = health("unhealthy");

const reports = (gra: typeof healthy) =>
  members.map(({ name: watchdog, site }, at) => ({
    watchdog,
    site,
    regions: { gra, bhs: healthy },
    atMs: NOW_MS - 300 - 150 * at,
    epoch: 1,
    copy: null,
  }));

const decision = (agoMs: number, rule: string, explanation: string, epoch = 1) => ({
  atMs: NOW_MS - agoMs,
  rule,
  epoch,
  explanation,
});

/** gra serves, bhs follows in sync. */
const calmStatus: StatusAnswer = {
  name,
  site: "bhs",
  nowMs: NOW_MS,
  startedAtMs: NOW_MS - 86_400_000,
  summary: "gra serves, bhs is in sync",
  record: serving({ watchdogs: members }),
  store: { reachable: true, error: null },
  self: { trusted: true, reasons: [] },
  files: [],
  hookRefusal: null,
  regions: [
    { region: "gra", role: "active", health: { ...healthy, sinceMs: NOW_MS - 3_600_000 }, licence },
    { region: "bhs", role: "standby", health: { ...healthy, sinceMs: NOW_MS - 3_600_000 }, licence },
  ],
  sightings: reports(healthy),
  leadership: { leading: true, leader: name, error: null },
  watchdogs: members,
  silence: {},
  leases: members.flatMap(({ router }) => (router === null ? [] : [{ router, acknowledgedEpoch: 1 }])),
  failsafe: { lastAskedAtMs: null, fault: null, answers: [], promisedForMs: 0 },
  replication: {
    observedAtMs: NOW_MS - 1_000,
    inSync: true,
    reasons: [],
    lagOperations: 42,
    lagMs: 0,
    readAgeMs: 700,
    followers: 12,
    leaderIndices: 12,
    protectedIndices: { count: 12, of: 12 },
    unprotected: [],
    dataStreams: [],
    repairs: [],
  },
  plan: null,
  router: {
    name,
    summary: "routes to gra (epoch 1)",
    state: {
      tickets: [{ region: "gra", validUntilMs: NOW_MS + 5_000 }],
      servers: [1, 2, 3].map((n) => ({ region: "gra", name: `gra-es-${n}`, up: true })),
      writes: [],
    },
    ticket: { region: "gra", epoch: 1, validUntilMs: NOW_MS + 5_000 },
    leaseUntilMs: NOW_MS + 9_000,
    writePause: null,
    acknowledgedEpoch: 1,
    error: null,
  },
  notifications: null,
  decisions: [decision(3_600_000, "steady", "gra serves, bhs is in sync")],
  readiness: { ready: true, explanation: "if gra were lost now, the other region would take over, in 9 steps" },
  applications,
};

/** An hour in which the standby was once far behind, and once not seen. */
const lag: readonly LagSample[] = Array.from({ length: 360 }, (_, at) => ({
  atMs: NOW_MS - (359 - at) * 10_000,
  operations: at > 300 && at < 318 ? null : Math.round(40 + 30 * Math.sin(at / 9) + (at > 150 && at < 190 ? 600 : 0)),
}));

const view = (status: StatusAnswer, changes: Partial<PageView> = {}): PageView => ({
  status,
  history: {
    value: [
      {
        atMs: NOW_MS - 90_000_000,
        epoch: 1,
        rule: "first-record",
        watchdog: name,
        explanation: "gra is the first primary",
      },
      { atMs: NOW_MS - 86_000_000, epoch: 1, rule: "standby-in-sync", watchdog: name, explanation: "bhs is in sync" },
    ],
    error: null,
  },
  exports: { value: [], error: null },
  lag,
  maxLagOperations: 10_000,
  version: "1.2.3",
  ...changes,
});

const stepsOf = ({ plan }: Pick<PlannedRecord, "plan">): StepReport[] =>
  (plan?.steps ?? []).map((step) => ({ ...step, detail: describeStep(step), nextAttemptAtMs: null }));

const lost = {
  sightings: reports(unhealthy),
  readiness: null,
  regions: [
    { region: "gra", role: "old", health: unhealthy, licence },
    { region: "bhs", role: "new", health: { ...healthy, sinceMs: NOW_MS - 3_600_000 }, licence },
  ],
  router: calmStatus.router && {
    ...calmStatus.router,
    summary: "closed: gra may no longer serve (epoch 2)",
    state: {
      tickets: [],
      servers: [1, 2, 3].map((n) => ({ region: "gra", name: `gra-es-${n}`, up: false })),
      writes: [],
    },
    ticket: null,
    acknowledgedEpoch: 2,
  },
} as const;

const gone = { ...closing({ watchdogs: members, cause: "gra is unhealthy at 2 of 3 sites: no node answers" }) };
const promoted = { ...promotedUpTo("open"), watchdogs: members, cause: gone.cause };
const steps = stepsOf(promoted).map((step, at, all) => {
  const startedAtMs = NOW_MS - 2_000 + 180 * at;
  if (step.status === "done") return { ...step, startedAtMs, finishedAtMs: startedAtMs + 40 + 17 * at };
  const isNext = all[at - 1]?.status === "done";
  return isNext ? { ...step, status: "running" as const, attempts: 1, startedAtMs } : step;
});

/** gra has taken over the part of the old region: what it has alone is exported. */
const over = afterFailover({ watchdogs: members });

export const pageViews = {
  calm: view(calmStatus),
  closing: view({ ...calmStatus, ...lost, record: gone, summary: "2 of 4 routers have closed" }),
  promoting: view({
    ...calmStatus,
    ...lost,
    record: promoted,
    plan: steps,
    summary: "bhs is being promoted: open 1 index",
  }),
  afterwards: view(
    {
      ...calmStatus,
      ...lost,
      record: over,
      summary: "bhs serves alone: gra is unhealthy",
      regions: lost.regions.map(
        (region) => ({ ...region, role: region.region === "bhs" ? "active" : "standby" }) as const,
      ),
      replication: null,
      readiness: { ready: false, explanation: "if bhs were lost now, no region would take over: gra is absent" },
      decisions: [decision(4_000, "steady", "bhs serves, gra is absent", 3), ...calmStatus.decisions],
    },
    {
      exports: {
        value: [
          {
            name: "3-gra",
            region: "gra",
            directory: "/var/lib/es-failover/salvage/3-gra",
            state: "exported",
            totals: { operations: 412, invisible: 3, bytes: 183_500, settled: 0, finishedAt: "2030-01-01T11:58:40Z" },
            indices: [],
          },
        ],
        error: null,
      },
    },
  ),
  unprotected: view({
    ...calmStatus,
    record: serving({ watchdogs: members, standby: "following" }),
    summary: "gra serves, bhs follows",
    replication: fullStatus.replication,
    readiness: { ready: false, explanation: "if gra were lost now, no region would take over: logs-2 is not followed" },
  }),
  notController: view({
    ...calmStatus,
    readiness: null,
    leadership: { leading: false, leader: "gra-haproxy-1", error: null },
    leases: null,
  }),
  storeLost: view(
    {
      ...calmStatus,
      readiness: null,
      leadership: { leading: false, leader: null, error: "etcd does not answer" },
      store: { reachable: false, error: "etcd does not answer" },
      failsafe: fullStatus.failsafe,
    },
    { history: { value: null, error: "etcd does not answer" }, exports: { value: null, error: "EACCES" } },
  ),
  everything: view({ ...fullStatus, readiness: null, applications }),
  blind: view(
    {
      ...calmStatus,
      record: null,
      summary: "just started: nothing decided yet",
      readiness: null,
      sightings: [],
      watchdogs: [],
      leases: null,
      failsafe: null,
      replication: null,
      router: null,
      decisions: [],
      leadership: { leading: false, leader: null, error: null },
    },
    { history: { value: [], error: null }, lag: [] },
  ),
} as const satisfies Readonly<Record<string, PageView>>;

export type Situation = keyof typeof pageViews;
