import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EndpointActivity } from "../../watchdog/applications/endpoint/activity.ts";
import { Activity } from "../../watchdog/controller/activity.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import type { CanaryState } from "../../watchdog/core/state/canary.ts";
import { finishedChange } from "../../watchdog/core/state/finished-change.ts";
import { fail, ok } from "../../watchdog/diagnostics/preflight/check.ts";
import type { LeaseEnd } from "../../watchdog/diagnostics/preflight/leases.ts";
import type { Surveyed } from "../../watchdog/diagnostics/surveyed.ts";
import { metricGroups } from "../../watchdog/metrics/catalogue.ts";
import { Exposition } from "../../watchdog/metrics/exposition.ts";
import type { Measured, Sample } from "../../watchdog/metrics/metric.ts";
import { closing, config, health, NOW_MS, promotedUpTo, serving } from "./core-fixtures.ts";
import { applications, fullStatus } from "./support/full-status.ts";

const metrics = Object.values(metricGroups).flat();

const backedUp = { ...config, snapshots: { maxAgeMs: 129_600_000 } };
const canary: CanaryState = {
  region: "gra",
  epoch: 1,
  lastAtMs: NOW_MS,
  lastGoodAtMs: NOW_MS - 40_000,
  failuresInARow: 4,
  countedInARow: 0,
  failingSinceMs: NOW_MS - 30_000,
  cause: "flood-stage",
  error: "disk usage exceeded flood-stage watermark",
};

const surveyed: Surveyed = {
  system: {
    atMs: NOW_MS,
    checks: [ok("licence of gra", "an enterprise licence"), fail("disk of gra", "no room", "make room")],
    leaseEnd: { index: "logs-1", remainingMs: 18_000_000, periodMs: 43_200_000 },
    drift: {
      active: "gra",
      standby: "bhs",
      items: [
        { kind: "user", name: "app", state: "missing", differences: [] },
        { kind: "user", name: "reader", state: "missing", differences: [] },
      ],
      unread: [{ kind: "role", region: "bhs", reason: "403" }],
    },
  },
  salvages: [{ salvage: "3-gra", operations: 4 }],
};

function measured(changes: Partial<Measured> = {}): Measured {
  const activity = new Activity();
  activity.noteProbe("gra", health("unhealthy"), 250);
  activity.noteProbe("gra", health("healthy"), 40);
  activity.noteCanary(canary, 5_000);
  activity.noteChange({ kind: "failover", automatic: true, outcome: "done" });
  activity.hooks.add({ phase: "before-closing", outcome: "failed" });
  activity.replicationChanges.add({ kind: "follow", outcome: "failed" });
  const endpoint = new EndpointActivity();
  endpoint.requests.add({ request: "long-poll", outcome: "answered" });
  return {
    config: backedUp,
    version: "1.2.3",
    endpoint,
    status: fullStatus,
    readiness: { ready: true, explanation: "bhs would take over" },
    applications,
    certificates: [{ file: "/etc/es-failover/ca.crt", expiresAtMs: NOW_MS + 86_400_000 }],
    activity,
    canary,
    loops: [{ loop: "decide", ageMs: 1_500 }],
    surveyed,
    storeSpace: [{ endpoint: "https://w:2379", bytes: 100, bytesInUse: 50, quotaBytes: 1_000 }],
    ...changes,
  };
}

/** A watchdog that has just started and has reached nothing yet. */
const blind: WatchdogStatus = {
  ...fullStatus,
  record: null,
  sightings: [],
  leases: null,
  failsafe: null,
  replication: null,
  plan: null,
  router: null,
  decisions: [],
  regions: fullStatus.regions.map((region) => ({ ...region, licence: null, snapshots: null })),
};

function samples(name: string, from: Measured): readonly Sample[] {
  const metric = metrics.find((candidate) => candidate.name === `es_failover_${name}`);
  if (metric === undefined) throw new Error(`there is no metric ${name}`);
  return metric.samples(from);
}

const valueIn = (name: string, from: Measured, labels: Sample["labels"] = {}) =>
  samples(name, from).find((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    ?.value;

describe("the catalogue of metrics", () => {
  test("has unique names by Prometheus' conventions, each with a meaning", () => {
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
    for (const { name, type, help } of metrics) {
      expect(name).toMatch(/^es_failover_[a-z][a-z0-9_]*[a-z]$/);
      expect(name, "base units").not.toMatch(/_(ms|millis|milliseconds|kb|mb|percent)(_|$)/);
      expect(name.endsWith("_total")).toBe(type === "counter");
      expect(help).toMatch(/^\S.*\.$/);
    }
  });

  test.each([
    ["in the middle of a change", fullStatus],
    ["of a region that serves", { ...fullStatus, record: serving() }],
    ["of a watchdog that has reached nothing", blind],
  ])("gives samples with the declared labels, finite and without repetition: %s", (_what, status) => {
    for (const metric of metrics) {
      const given = metric.samples(measured({ status }));
      for (const { labels, value } of given) {
        expect(Object.keys(labels).toSorted(), metric.name).toEqual(metric.labels.toSorted());
        expect(Number.isFinite(value), metric.name).toBe(true);
      }
      expect(new Set(given.map(({ labels }) => JSON.stringify(labels))).size, metric.name).toBe(given.length);
    }
  });

  test("gives every metric of it a value when nothing is missing", () => {
    const silent = metrics.filter(
      (metric) =>
        metric.samples(measured()).length === 0 &&
        metric.samples(measured({ status: { ...fullStatus, record: wellServing(), regions: onTrial } })).length === 0,
    );
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});

const onTrial = fullStatus.regions.map((region) => ({
  ...region,
  licence: { type: "trial", active: true, allowsCcr: true, expiresAtMs: NOW_MS + 86_400_000 },
}));

/** Serving after a failover, paused within its block period. */
function wellServing() {
  const promoting = promotedUpTo("unfollow");
  return serving({
    blockedUntilMs: NOW_MS + 60_000,
    inSyncAtMs: NOW_MS,
    paused: { sinceMs: NOW_MS, by: "anna", reason: "maintenance" },
    lastFailover: {
      kind: "failover",
      from: "bhs",
      to: "gra",
      automatic: true,
      cause: promoting.cause,
      startedAtMs: NOW_MS - 12_000,
      finishedAtMs: NOW_MS - 2_500,
      checkpoints: [],
      loss: { atLeast: 3, atMost: 40, shards: [], unseenMs: null, explanation: "between 3 and 40" },
      missingIndices: ["logs-9"],
      leftOut: [],
      deletedBefore: [],
      keptBlocks: [],
      uuids: [],
      rejoinedAtMs: null,
    },
  });
}

describe("values", () => {
  test("are absent, not zero, while they are not known", () => {
    const from = measured({ status: blind, storeSpace: null, applications: null, endpoint: null });
    for (const name of [
      "endpoint_requests_total",
      "endpoint_long_polls",
      "epoch",
      "active",
      "in_sync",
      "router_open",
      "paused",
      "failsafe_active",
      "applications",
    ]) {
      expect(samples(name, from), name).toEqual([]);
    }
  });

  test("of snapshots: when the last one succeeded, 0 where none has, and how old it may be", () => {
    const from = measured();
    const success = "snapshot_last_success_timestamp_seconds";
    expect(valueIn(success, from, { region: "gra" })).toBe((NOW_MS - 172_800_000) / 1_000);
    expect(valueIn(success, from, { region: "bhs" })).toBe(0);
    expect(valueIn("snapshot_max_age_seconds", from)).toBe(129_600);
    expect(samples(success, measured({ status: blind }))).toEqual([]);
    expect(samples("snapshot_max_age_seconds", measured({ config }))).toEqual([]);
  });

  test("of a change: its duration, how long writes paused, its loss as a range, and that the old region has not rejoined", () => {
    const from = measured({ status: { ...fullStatus, record: wellServing() } });
    expect(valueIn("change_duration_seconds", from, { kind: "failover" })).toBe(9.5);
    expect(valueIn("write_pause_seconds", from, { kind: "failover" })).toBe(16.4);
    expect(valueIn("loss_operations", from, { bound: "least" })).toBe(3);
    expect(valueIn("loss_operations", from, { bound: "most" })).toBe(40);
    expect(valueIn("former_primary_unsettled", from)).toBe(1);
    expect(valueIn("left_out_indices", from)).toBe(1);
  });

  test("name no bound of a loss that nothing bounds", () => {
    const record = wellServing();
    const lastFailover = record.lastFailover && {
      ...record.lastFailover,
      loss: { ...record.lastFailover.loss, atMost: null },
    };
    const from = measured({ status: { ...fullStatus, record: { ...record, lastFailover } } });
    expect(samples("loss_operations", from).map(({ labels }) => labels["bound"])).toEqual(["least"]);
  });

  test("show no router as open once its ticket has ended", () => {
    const at = (nowMs: number) => measured({ status: { ...fullStatus, nowMs } });
    expect(valueIn("router_open", at(NOW_MS), { region: "gra" })).toBe(1);
    expect(valueIn("router_open", at(NOW_MS), { region: "bhs" })).toBe(0);
    expect(valueIn("router_open", at(NOW_MS + 5_000), { region: "gra" })).toBe(0);
  });

  test("of the retention lease that lapses first: what is left of it, 0 once it has lapsed, absent without followers", () => {
    const ending = (leaseEnd: LeaseEnd | null) =>
      measured({ surveyed: { ...surveyed, system: surveyed.system && { ...surveyed.system, leaseEnd } } });
    const lapsed = ending({ index: "logs-1", remainingMs: 0, periodMs: 43_200_000 });
    expect(valueIn("retention_lease_remaining_seconds", measured())).toBe(18_000);
    expect(valueIn("retention_lease_period_seconds", measured())).toBe(43_200);
    expect(valueIn("retention_lease_remaining_seconds", lapsed)).toBe(0);
    expect(samples("retention_lease_remaining_seconds", ending(null))).toEqual([]);
  });

  test("of a survey: each check's verdict, and how much of each kind that could be read is not alike", () => {
    expect(valueIn("readiness_check", measured(), { check: "disk of gra", verdict: "fail" })).toBe(1);
    expect(valueIn("readiness_check", measured(), { check: "disk of gra", verdict: "ok" })).toBe(0);
    expect(valueIn("readiness_check", measured(), { check: "licence of gra", verdict: "ok" })).toBe(1);
    expect(valueIn("drift_items", measured(), { kind: "user" })).toBe(2);
    expect(valueIn("drift_items", measured(), { kind: "plugin" })).toBe(0);
    expect(valueIn("drift_items", measured(), { kind: "role" })).toBeUndefined();
  });

  test("of a survey are absent on a watchdog that is not the controller, which tells of its own disk all the same", () => {
    const from = measured({ surveyed: { ...surveyed, system: null } });
    for (const name of [
      "readiness_check",
      "drift_items",
      "survey_timestamp_seconds",
      "retention_lease_remaining_seconds",
    ]) {
      expect(samples(name, from), name).toEqual([]);
    }
    expect(valueIn("salvage_unsettled_operations", from, { salvage: "3-gra" })).toBe(4);
  });

  test("of a canary: how long it took", () => {
    expect(valueIn("canary_duration_seconds", measured(), { region: "gra" })).toBe(5);
  });

  test("show the closing region as not active", () => {
    expect(
      samples("active", measured({ status: { ...fullStatus, record: closing() } })).map(({ value }) => value),
    ).toEqual([0, 0]);
  });
});

describe("changes of the active region", () => {
  test("count once, when routers open to the new region", () => {
    expect(finishedChange(promotedUpTo("unfollow"), wellServing())).toEqual({
      kind: "failover",
      automatic: true,
      outcome: "done",
    });
    expect(finishedChange(wellServing(), { ...wellServing(), sequence: 99 })).toBeNull();
  });

  test("count as undone when they go back to the old region", () => {
    const change = closing();
    expect(finishedChange(change, serving({ active: change.from }))).toMatchObject({ outcome: "undone" });
  });

  test("count also when only their end was seen, and never at a watchdog's first look", () => {
    expect(finishedChange(serving(), wellServing())).toMatchObject({ outcome: "done" });
    expect(finishedChange(null, wellServing())).toBeNull();
  });
});

describe("the exposition", () => {
  test("is in Prometheus' text format, with help and type of each metric", async () => {
    const text = await new Exposition().text(measured());
    expect(text).toContain("# HELP es_failover_epoch Epoch of the record");
    expect(text).toContain("# TYPE es_failover_probes_total counter");
    expect(text).toContain('es_failover_probes_total{region="gra",result="failed"} 1');
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  test("forgets a value that is not known any more", async () => {
    const exposition = new Exposition();
    expect(await exposition.text(measured())).toMatch(/^es_failover_epoch \d+$/m);
    const later = await exposition.text(measured({ status: blind }));
    expect(later).not.toMatch(/^es_failover_(epoch|phase|in_sync)\b/m);
  });

  test("gives the same counts at every scrape", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), async (scrapes) => {
        const exposition = new Exposition();
        const from = measured();
        let text = "";
        for (let scrape = 0; scrape < scrapes; scrape += 1) text = await exposition.text(from);
        expect(text).toContain('es_failover_changes_total{kind="failover",automatic="true",outcome="done"} 1');
      }),
      { numRuns: 4 },
    );
  });
});
