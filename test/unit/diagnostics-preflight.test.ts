import { describe, expect, test } from "vitest";
import { profiles } from "../../watchdog/config/profiles.ts";
import type { ClusterLicence, RemoteConnection } from "../../watchdog/core/state/cluster.ts";
import type { SnapshotState } from "../../watchdog/core/state/snapshots.ts";
import type { Check } from "../../watchdog/diagnostics/preflight/check.ts";
import type { PreflightFindings, RegionFindings, StoreMember } from "../../watchdog/diagnostics/preflight/findings.ts";
import { judgePreflight } from "../../watchdog/diagnostics/preflight/judge.ts";
import { config, NOW_MS, standbyView } from "./core-fixtures.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function region(changes: Partial<RegionFindings> = {}): RegionFindings {
  const { readiness } = standbyView();
  const licence = { type: "platinum", active: true, allowsCcr: true, expiresAtMs: NOW_MS + 400 * DAY };
  return {
    readiness: { value: { ...readiness, licence } },
    versions: { value: [{ node: "n1", version: "9.5.3" }] },
    storage: {
      value: {
        managedPrimaryBytes: 10 * GIB,
        managedBytes: 20 * GIB,
        nodes: [{ node: "n1", availableBytes: 50 * GIB, totalBytes: 100 * GIB }],
      },
    },
    retention: { value: [{ index: "logs-1", periodMs: 12 * HOUR }] },
    leases: { value: [{ index: "logs-1", shard: 0, renewedAtMs: NOW_MS - 30_000 }] },
    snapshots: { value: { hasPolicy: true, lastSuccessAtMs: NOW_MS - 12 * HOUR, failure: null } },
    clocks: { value: [{ node: "n1", aheadMs: 3, uncertaintyMs: 1 }] },
    roundTripMs: { value: 90 },
    ...changes,
  };
}

const storeMember = (endpoint: string, changes: Partial<StoreMember> = {}): StoreMember => ({
  endpoint,
  problem: null,
  space: { endpoint, bytes: 10 * MIB, bytesInUse: MIB, quotaBytes: 512 * MIB },
  full: false,
  ...changes,
});

function judge(changes: Partial<PreflightFindings> = {}, settings = config): ReadonlyMap<string, Check> {
  const healthy = {
    regions: { gra: region(), bhs: region() },
    active: "gra",
    followed: ["logs-1"],
    storeMembers: ["a", "b", "c"].map((endpoint) => storeMember(endpoint)),
    sites: ["gra", "bhs", "witness"],
    timingViolations: [],
    nowMs: NOW_MS,
    outageMs: 12 * HOUR,
  };
  return new Map(judgePreflight({ ...healthy, ...changes }, settings).map((check) => [check.check, check]));
}

const withBhs = (changes: Partial<RegionFindings>) => ({ regions: { gra: region(), bhs: region(changes) } });
const versions = (version: string) => ({ versions: { value: [{ node: "n1", version }] } });

describe("preflight", () => {
  test("passes every check of a healthy system", () => {
    expect([...judge().values()].filter(({ verdict }) => verdict !== "ok")).toEqual([]);
  });

  test("every check that is not ok has advice", () => {
    const error = { error: "bhs: no node answers" };
    const lost = region({
      readiness: error,
      versions: error,
      storage: error,
      retention: error,
      leases: error,
      clocks: error,
      roundTripMs: error,
    });
    const checks = [...judge({ regions: { gra: region(), bhs: lost }, sites: ["gra"], storeMembers: null }).values()];
    const notOk = checks.filter(({ verdict }) => verdict !== "ok");
    expect(notOk.length).toBeGreaterThan(6);
    for (const { advice, found } of notOk) expect([advice, found]).not.toContain(null);
    expect(checks.find(({ check }) => check === "licence of bhs")?.found).toContain("no node answers");
  });

  test("warns of snapshots that are too old or fail, with the reason, and asks for none that are not configured", () => {
    const backedUp = { ...config, snapshots: { maxAgeMs: 36 * HOUR } };
    const of = (changes: Partial<SnapshotState>, settings: typeof config = backedUp) => {
      const value = { hasPolicy: true, lastSuccessAtMs: NOW_MS - 12 * HOUR, failure: null, ...changes };
      return judge(withBhs({ snapshots: { value } }), settings).get("snapshots of bhs");
    };
    expect(of({}, config)).toBeUndefined();
    expect(of({})?.verdict).toBe("ok");
    const failure = { atMs: NOW_MS - HOUR, reason: "5 out of 149 total shards failed" };
    // A later one may still succeed in time.
    expect(of({ failure })?.verdict).toBe("ok");
    expect(of({ lastSuccessAtMs: NOW_MS - 40 * HOUR, failure })).toMatchObject({
      verdict: "warn",
      found: expect.stringMatching(/of bhs is 40 h old, more than 36 h; the one of .* UTC failed: 5 out of 149/),
    });
    expect(of({ lastSuccessAtMs: null })?.found).toBe("no snapshot of bhs has succeeded yet");
    expect(of({ hasPolicy: false, lastSuccessAtMs: null })?.found).toContain("has no snapshot policy: run `pulumi up`");
  });

  test("fails an insufficient licence, and warns of one that ends", () => {
    const licensed = (changes: Partial<ClusterLicence>) => {
      const licence = { type: "platinum", active: true, allowsCcr: true, expiresAtMs: null, ...changes };
      return judge(withBhs({ readiness: { value: { ...standbyView().readiness, licence } } })).get("licence of bhs");
    };
    expect(licensed({})?.verdict).toBe("ok");
    expect(licensed({ type: "basic", allowsCcr: false })?.verdict).toBe("fail");
    const lapsed = licensed({ active: false, allowsCcr: false, expiresAtMs: NOW_MS - DAY });
    expect(lapsed).toMatchObject({ verdict: "fail", found: expect.stringContaining("lapsed on 2029-12-31 12:00:00") });
    expect(licensed({ expiresAtMs: NOW_MS + 31 * DAY })?.verdict).toBe("ok");
    const soon = licensed({ expiresAtMs: NOW_MS + 29 * DAY });
    expect(soon).toMatchObject({ verdict: "warn", found: expect.stringContaining("ends in 29 days, on 2030-01-30") });
    expect(licensed({ type: "trial", expiresAtMs: NOW_MS + 31 * DAY })?.verdict).toBe("warn");
  });

  test.each([
    ["9.5.3", "ok", /either can follow the other/],
    // bhs follows gra: a newer bhs can, but gra could not follow it back.
    ["9.5.10", "warn", /gra is older than bhs/],
    ["9.5.2", "fail", /bhs is older than gra/],
  ])("with bhs at %s and gra at 9.5.3 the versions are %s", (version, verdict, found) => {
    const check = judge(withBhs(versions(version))).get("versions");
    expect(check?.verdict).toBe(verdict);
    expect(check?.found).toMatch(found);
  });

  test("a region of mixed versions counts as its lowest when it follows, and as its highest when it leads", () => {
    const mixed = {
      versions: {
        value: [
          { node: "n1", version: "9.5.3" },
          { node: "n2", version: "9.5.4" },
        ],
      },
    };
    expect(judge({ regions: { gra: region(mixed), bhs: region() } }).get("versions")?.verdict).toBe("fail");
    expect(judge({ regions: { gra: region(), bhs: region(mixed) } }).get("versions")?.verdict).toBe("warn");
    expect(judge({ regions: { gra: region(mixed), bhs: region(mixed) } }).get("versions")?.verdict).toBe("fail");
  });

  test("distinguishes a missing remote connection from a broken one", () => {
    const connection = (remote: Omit<RemoteConnection, "keyed">) =>
      judge(withBhs({ readiness: { value: { ...standbyView().readiness, remote: { ...remote, keyed: false } } } })).get(
        "remote connection bhs to gra",
      );
    expect(connection({ configured: false, connected: false })).toMatchObject({
      verdict: "fail",
      found: expect.stringContaining("no remote cluster named gra"),
    });
    expect(connection({ configured: true, connected: false })?.advice).toContain("9300");
  });

  test("with API keys names the command that makes a missing or a lost one, and demands the licence", () => {
    const keyed = { ...config, remoteClusterSecurity: "api_key" as const };
    const checks = (remote: RemoteConnection) =>
      judge(withBhs({ readiness: { value: { ...standbyView().readiness, remote } } }), keyed);
    const connection = (remote: RemoteConnection) => checks(remote).get("remote connection bhs to gra");
    const command = "run `npm run remote-keys -- begin gra`, then `pulumi up` for bhs";
    expect(connection({ configured: true, connected: false, keyed: false })).toMatchObject({
      found: "bhs has no API key of gra",
      advice: command,
    });
    expect(connection({ configured: true, connected: false, keyed: true })?.advice).toMatch(
      /port 9443 of gra; if gra was rebuilt/,
    );
    expect(connection({ configured: true, connected: false, keyed: true })?.advice).toContain(command);
    expect(connection({ configured: true, connected: true, keyed: true })?.verdict).toBe("ok");
    expect(checks({ configured: true, connected: true, keyed: true }).get("licence of gra")).toMatchObject({
      verdict: "fail",
      found: "the platinum licence of gra permits no cross-cluster API keys",
    });
  });

  test("compares a round trip with the probe timeout", () => {
    const fast = { ...config.checks, ...profiles.fast.checks };
    const verdict = (ms: number) =>
      judge(withBhs({ roundTripMs: { value: ms } }), { ...config, checks: fast }).get("round trip from here to bhs")
        ?.verdict;
    expect([verdict(50), verdict(100), verdict(200)]).toEqual(["ok", "warn", "fail"]);
  });

  test("a disk must have room for a copy, if need be in place of its own indices", () => {
    const verdict = (availableGib: number) => {
      const nodes = [{ node: "n1", availableBytes: availableGib * GIB, totalBytes: 100 * GIB }];
      const storage = { value: { managedPrimaryBytes: 10 * GIB, managedBytes: 20 * GIB, nodes } };
      return judge(withBhs({ storage })).get("disk of bhs for a copy of gra")?.verdict;
    };
    expect([verdict(20), verdict(5)]).toEqual(["ok", "warn"]);
    const small = { value: { managedPrimaryBytes: 0, managedBytes: 0, nodes: [] } };
    expect(judge(withBhs({ storage: small })).get("disk of bhs for a copy of gra")?.verdict).toBe("fail");
    const full = { value: { ...standbyView().readiness, nodesLowOnDisk: ["n1"] } };
    expect(judge(withBhs({ readiness: full })).get("disk of bhs for a copy of gra")?.found).toContain("watermark");
  });

  test("warns of operations retained for less than an outage", () => {
    expect(judge({ outageMs: 13 * HOUR }).get("retention leases on gra")).toMatchObject({
      verdict: "warn",
      found: expect.stringContaining("12 h only"),
    });
  });

  test("warns of a follower that does not read before its retention lease lapses, and of one that has lapsed", () => {
    const of = (leases: RegionFindings["leases"], changes: Partial<PreflightFindings> = {}) =>
      judge({ regions: { gra: region({ leases }), bhs: region() }, ...changes }).get("retention leases on gra");
    const renewed = (hoursAgo: number) => ({
      value: [
        { index: "logs-1", shard: 0, renewedAtMs: NOW_MS },
        { index: "logs-1", shard: 1, renewedAtMs: NOW_MS - hoursAgo * HOUR },
      ],
    });
    expect(of(renewed(5))?.verdict).toBe("ok");
    expect(of(renewed(7))).toMatchObject({ verdict: "warn", found: expect.stringContaining("lapses in 5 h") });
    expect(of(renewed(13))?.found).toContain("the follower of logs-1 has lapsed");
    const none = { value: [{ index: "logs-1", shard: 0, renewedAtMs: null }] };
    expect(of(none)?.found).toContain("has lapsed");
    expect(of(none, { followed: [] })?.verdict).toBe("ok");
    expect(of({ error: "no node answers" })?.verdict).toBe("fail");
    expect(of(renewed(13), { active: "bhs" })?.verdict).toBe("ok");
  });

  test("judges clocks beyond the uncertainty of the measurement", () => {
    const verdict = (aheadMs: number, uncertaintyMs: number) =>
      judge(withBhs({ clocks: { value: [{ node: "n1", aheadMs, uncertaintyMs }] } })).get("clocks of bhs")?.verdict;
    // Half the lease margin of 2 s is allowed.
    expect([verdict(1_050, 100), verdict(-1_500, 100), verdict(5_000, 100)]).toEqual(["ok", "warn", "fail"]);
  });

  test("fails a store without quorum, and warns of one with a member down", () => {
    const verdict = (down: number) =>
      judge({
        storeMembers: ["a", "b", "c"].map((endpoint, n) =>
          storeMember(endpoint, { problem: n < down ? "no answer" : null }),
        ),
      }).get("store")?.verdict;
    expect([verdict(0), verdict(1), verdict(2)]).toEqual(["ok", "warn", "fail"]);
    expect(judge({ storeMembers: null }).get("store")?.verdict).toBe("warn");
  });

  test("warns of a member near its quota, and fails a full one, with the command that frees space", () => {
    const near = { endpoint: "b", bytes: 400 * MIB, bytesInUse: 20 * MIB, quotaBytes: 512 * MIB };
    const members = (changes: Partial<StoreMember>) => [storeMember("a"), storeMember("b", changes), storeMember("c")];
    const check = (changes: Partial<StoreMember>) => judge({ storeMembers: members(changes) }).get("store");
    expect(check({ space: near })).toMatchObject({
      verdict: "warn",
      found: expect.stringContaining("78 % of etcd's quota"),
    });
    expect(check({ space: near })?.found).toContain("`sudo es-failover etcd defragment`");
    // Nothing to gain by defragmenting.
    expect(check({ space: { ...near, bytesInUse: near.bytes } })?.found).toContain("raise `store.quotaBytes`");
    const full = check({ full: true, problem: "memberID:1 alarm:NOSPACE" });
    expect(full).toMatchObject({
      verdict: "fail",
      advice: expect.stringContaining("`sudo es-failover etcd defragment`"),
    });
  });

  test("warns of one silent site, and fails two, which leave no majority", () => {
    expect(judge({ sites: ["gra", "bhs"] }).get("watchdogs")).toMatchObject({
      verdict: "warn",
      found: "no report from witness",
    });
    expect(judge({ sites: ["gra"] }).get("watchdogs")?.verdict).toBe("fail");
    expect(judge({ timingViolations: ["a must be below b"] }).get("timing rules")?.verdict).toBe("fail");
  });
});
