import { describe, expect, test } from "vitest";
import { checkStatus, pluginText } from "../../watchdog/cli/output/check.ts";
import type { StatusAnswer } from "../../watchdog/controller/control-api/api.ts";
import { closing, health, NOW_MS, serving } from "./core-fixtures.ts";
import { fullStatus } from "./support/full-status.ts";

const [gra, bhs] = fullStatus.regions;
if (gra === undefined || bhs === undefined || fullStatus.replication === null) throw new Error("the fixture changed");

/** gra serves, bhs is in sync, and everything answers. */
const well: StatusAnswer = {
  ...fullStatus,
  summary: "gra serves",
  record: serving(),
  readiness: { ready: true, explanation: "bhs would take over" },
  applications: null,
  store: { reachable: true, error: null, warning: null },
  self: { trusted: true, reasons: [] },
  files: [],
  regions: [
    { ...gra, role: "active", health: health("healthy") },
    { ...bhs, role: "standby", health: health("healthy") },
  ],
  replication: { ...fullStatus.replication, inSync: true, reasons: [], unprotected: [] },
  plan: null,
  notifications: null,
};

const check = (changes: Partial<StatusAnswer> = {}) => checkStatus({ ...well, ...changes });

describe("es-failover check", () => {
  test("is OK in one line while the other region would take over", () => {
    expect(check()).toEqual({
      severity: "OK",
      text:
        "ES-FAILOVER OK: gra serves; a loss of the active region would be taken over | " +
        "epoch=1 ready=1 in_sync=1 lag=12 read_age=0.7s unprotected=0",
    });
  });

  const notReady = { ready: false, explanation: "if gra were lost now, no region would take over: refuse-paused" };
  const unwell = { ...gra, role: "active" as const, health: health("unhealthy") };

  test.each<[string, "WARNING" | "CRITICAL", Partial<StatusAnswer>, string]>([
    ["a loss would not be taken over", "WARNING", { readiness: notReady }, "no region would take over"],
    [
      "the standby follows, and another watchdog is the controller",
      "WARNING",
      { readiness: null, record: serving({ standby: "following" }) },
      "the standby is following",
    ],
    ["etcd does not answer", "WARNING", { store: { ...well.store, reachable: false, error: "timeout" } }, "timeout"],
    ["a watchdog is silent", "WARNING", { silence: { "w-1": 60_000 } }, "no report from w-1"],
    [
      "a message waits",
      "WARNING",
      { notifications: fullStatus.notifications },
      "1 wait for on-call: hooks.example.com",
    ],
    ["the active region is unhealthy", "CRITICAL", { regions: [unwell, bhs] }, "gra is unhealthy"],
    ["there is no record", "CRITICAL", { record: null }, "there is no state document"],
    [
      "this host's router is closed",
      "CRITICAL",
      { router: fullStatus.router && { ...fullStatus.router, ticket: null, summary: "closed: no lease" } },
      "the router of this host is closed: closed: no lease",
    ],
    [
      "the last snapshot is too old",
      "WARNING",
      {
        regions: well.regions.map((one) => ({
          ...one,
          snapshots: { lastSuccessAtMs: null, problem: "none has succeeded" },
        })),
      },
      "snapshots: none has succeeded",
    ],
    ["a change has just begun", "WARNING", { record: closing(), readiness: null }, "routers are closed"],
    [
      "a change has lasted for minutes",
      "CRITICAL",
      { record: { ...closing(), startedAtMs: NOW_MS - 200_000 }, readiness: null },
      "routers are closed",
    ],
  ])("while %s is %s", (_what, severity, changes, sentence) => {
    const { severity: told, text } = check(changes);
    expect(told).toBe(severity);
    expect(text.split("\n")[0]).toContain(sentence);
  });

  test("names the worst first, and the others on lines of their own", () => {
    const { text } = check({
      readiness: notReady,
      regions: [unwell, { ...bhs, role: "standby", health: health("healthy") }],
    });
    const [first, ...others] = text.split("\n");
    expect(first).toMatch(/^ES-FAILOVER CRITICAL: gra is unhealthy/);
    expect(others).toEqual([`WARNING: ${notReady.explanation}`]);
  });

  test("prints a sentence of Elasticsearch so that no monitoring system takes it for a measurement", () => {
    expect(pluginText("UNKNOWN", ["a | b\nc"], ["x=1"])).toBe("ES-FAILOVER UNKNOWN: a / b c | x=1");
  });
});
