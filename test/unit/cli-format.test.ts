import { describe, expect, test } from "vitest";
import { formatExplanation, formatStatus } from "../../watchdog/cli/output/status.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { unknownHealth } from "../../watchdog/core/state/health.ts";
import { duration, table } from "../../watchdog/util/text.ts";

const nowMs = Date.UTC(2026, 10, 22, 12, 0, 0);

const status: WatchdogStatus = {
  name: "bhs-hap-1",
  site: "bhs",
  nowMs,
  startedAtMs: nowMs - 60_000,
  summary: "bhs is being promoted.",
  record: {
    schemaVersion: 1,
    epoch: 3,
    sequence: 9,
    cause: "gra is unhealthy",
    startedAtMs: nowMs - 5_000,
    blockedUntilMs: nowMs + 3_600_000,
    paused: null,
    lastFailover: null,
    writeBlocks: null,
    halfPromoted: null,
    filledAtMs: null,
    watchdogs: [],
    phase: "closing",
    from: "gra",
    to: "bhs",
    change: "failover",
    standbyBefore: { state: "in-sync", inSyncAtMs: null },
    automatic: true,
    leaderSight: null,
    abort: null,
  },
  store: { reachable: false, error: "etcd does not answer" },
  self: { trusted: true, reasons: [] },
  regions: [
    {
      region: "gra",
      role: "old",
      licence: { type: "trial", active: false, allowsCcr: false, expiresAtMs: nowMs - 86_400_000 },
      health: { ...unknownHealth, state: "unhealthy", sinceMs: nowMs - 4_000, reason: "no node answers" },
    },
    {
      region: "bhs",
      role: "new",
      licence: null,
      health: {
        ...unknownHealth,
        state: "healthy",
        sinceMs: nowMs - 90_000,
        reason: "green, 3 nodes",
        problems: ["managed indices without a primary: logs-9 (unhealthy from 2 of 8 on)"],
      },
    },
  ],
  sightings: [],
  leadership: { leading: true, leader: "bhs-hap-1", error: null },
  watchdogs: [],
  silence: {},
  files: [],
  hookRefusal: null,
  leases: null,
  failsafe: null,
  replication: null,
  plan: [
    {
      kind: "unfollow",
      status: "failed",
      detail: "2 indices",
      attempts: 2,
      error: "timeout",
      startedAtMs: nowMs - 3_000,
      finishedAtMs: null,
      nextAttemptAtMs: null,
    },
  ],
  router: {
    name: "bhs-hap-1",
    summary: "closed",
    state: {
      tickets: [{ region: "gra", validUntilMs: nowMs - 2_000 }],
      servers: [{ region: "bhs", name: "bhs-es-1", up: false }],
      writes: [],
    },
    ticket: null,
    leaseUntilMs: nowMs + 4_000,
    writePause: { fromMs: nowMs - 96_400, toMs: nowMs - 80_000 },
    acknowledgedEpoch: 3,
    error: null,
  },
  notifications: null,
  decisions: [{ atMs: nowMs, rule: "close-first", epoch: 3, explanation: "waits for routers" }],
};

describe("status as a table", () => {
  test("shows the active region, problems, the change in progress and the routes", () => {
    expect(formatStatus(status)).toBe(
      [
        "bhs-hap-1 (bhs)  bhs is being promoted.",
        "",
        "State",
        "  epoch    3",
        "  phase    closing gra, to promote bhs",
        "  since    2026-11-22 11:59:55",
        "  cause    gra is unhealthy",
        "  blocked  no automatic failover for another 60 min",
        "",
        "Problems",
        "  store    unreachable: etcd does not answer",
        "  licence  the trial licence of gra is not active: it lapsed on 2026-11-21 12:00:00 UTC",
        "  bhs      managed indices without a primary: logs-9 (unhealthy from 2 of 8 on)",
        "",
        "Regions",
        "  REGION  ROLE  HEALTH     FOR    DETAIL",
        "  gra     old   unhealthy  4.0 s  no node answers",
        "  bhs     new   healthy    2 min  green, 3 nodes",
        "",
        "Change in progress",
        "  STEP      STATUS  TOOK  DETAIL",
        "  unfollow  failed        2 indices (attempt 2: timeout)",
        "",
        "Router",
        "  bhs-hap-1    closed",
        "  lease        4.0 s left",
        "  last change  no write was acknowledged for 16 s",
        "  ticket       gra: ended 2.0 s ago",
        "  server       bhs/bhs-es-1: DOWN",
        "",
        "Decisions, newest first",
        "  2026-11-22 12:00:00  close-first  waits for routers",
      ].join("\n"),
    );
  });

  test("names a store that takes no write, and one that soon will not", () => {
    const full = { reachable: true, error: null, full: "etcd's quota is reached", warning: "a member takes 100 %" };
    const text = formatStatus({ ...status, store: full, regions: [] });
    expect(text).toContain("store  takes no write: etcd's quota is reached");
    expect(text).toContain("store  a member takes 100 %");
  });

  test("names the missing state document", () => {
    const store = { reachable: true, error: null };
    const fresh = { ...status, record: null, plan: null, decisions: [], regions: [], store };
    expect(formatStatus(fresh)).toContain("State: no state document yet.");
    expect(formatStatus(fresh)).not.toContain("Problems");
  });
});

test("an explanation names the rule that applies, and what blocks the others", () => {
  const rule = { purpose: "Why it is there.", holds: false, decides: false, blockedBy: [] };
  expect(
    formatExplanation([
      { ...rule, rule: "closing-waits", holds: true, decides: true },
      { ...rule, rule: "promotion-waits", holds: true },
      { ...rule, rule: "failover", blockedBy: ["gra is healthy"] },
    ]),
  ).toBe(
    [
      "closing-waits: applies\n  Why it is there.",
      "promotion-waits: holds, but an earlier rule applies\n  Why it is there.",
      "failover: does not hold\n  Why it is there.\n  - gra is healthy",
    ].join("\n\n"),
  );
});

test.each([
  [950, "950 ms"],
  [1_200, "1.2 s"],
  [42_000, "42 s"],
  [300_000, "5 min"],
  [10_800_000, "3 h"],
  [259_200_000, "3 days"],
])("%i ms read as %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("columns line up, and no line ends in spaces", () => {
  expect(
    table([
      ["a", "bbb", "c"],
      ["aaaa", "b", ""],
    ]),
  ).toBe("a     bbb  c\naaaa  b");
});
