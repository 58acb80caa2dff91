import { describe, expect, test } from "vitest";
import type { WatchdogConfig } from "../../watchdog/config/schema.ts";
import { deleteFollower } from "../../watchdog/controller/loops/delete-follower.ts";
import { planReplication } from "../../watchdog/core/plans/replication.ts";
import type { ReplicationSnapshot } from "../../watchdog/core/plans/replication-change.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { ClusterProbe, Follower, IndexState, UnmatchedIndex } from "../../watchdog/core/state/cluster.ts";
import { type BothRegions, deletedLeaders, dueDeletions } from "../../watchdog/core/state/deleted-leaders.ts";
import type { Observations } from "../../watchdog/core/state/observations.ts";
import type { SiteReport } from "../../watchdog/core/state/sites.ts";
import {
  config,
  etcd,
  failsafe,
  follower,
  goodProbe,
  index,
  NOW_MS,
  observations,
  promotedUpTo,
  seenHealth,
  serving,
  sight,
  standbyView,
} from "./core-fixtures.ts";

const HOUR_MS = 3_600_000;
const followed = (name: string, uuid = `f-${name}`) => index(name, { following: true, uuid });
const both = (
  changes: Partial<BothRegions["active"]> = {},
  standby: Partial<BothRegions["standby"]> = {},
): BothRegions => ({
  active: { region: "gra", indices: [index("logs-1")], unmatched: [], ...changes },
  standby: {
    indices: [followed("logs-1"), followed("logs-9")],
    followers: [follower("logs-1"), follower("logs-9")],
    ...standby,
  },
});
const seen = (facts: BothRegions) => deletedLeaders(facts, config.replication).map(({ index: name }) => name);

describe("a leader is seen as deleted", () => {
  test("when the active region has no index of its name, closed or open", () => {
    expect(seen(both())).toEqual(["logs-9"]);
    expect(seen(both({ indices: [index("logs-1"), index("logs-9", { open: false })] }))).toEqual([]);
  });

  test("not when an alias has its name: its documents live on in a shrunk or mounted index", () => {
    const shrunk: UnmatchedIndex = { name: "shrink-ab12-logs-9", aliases: ["logs-9"], searchableSnapshot: false };
    expect(seen(both({ unmatched: [shrunk] }))).toEqual([]);
    const alias = { alias: "logs-9", isWriteIndex: false };
    expect(seen(both({ indices: [index("logs-1", { aliases: [alias] })] }))).toEqual([]);
  });

  test("not of a name that the patterns do not match, nor of a follower of another cluster, nor of what follows no more", () => {
    const elsewhere = follower("logs-9", {}, { remoteCluster: "old" });
    expect(seen(both({}, { followers: [elsewhere] }))).toEqual([]);
    expect(seen(both({}, { followers: [follower("logs-9", {}, { leaderIndex: "orders-9" })] }))).toEqual([]);
    expect(seen(both({}, { indices: [followed("logs-1"), index("logs-9")] }))).toEqual([]);
  });
});

const policy: WatchdogConfig["replication"]["deletedLeaders"] = { policy: "delete", deleteAfterMs: HOUR_MS };
const alone = { ...config, replication: { ...config.replication, deletedLeaders: policy } };
const three = { ...alone, store: etcd, failsafe };
const noted = (seenAtMs: number) => serving({ deletedLeaders: [{ index: "logs-9", uuid: "u9", seenAtMs }] });
const site = (name: string, deleted: readonly string[] | null): SiteReport => ({
  site: name,
  regions: { gra: "healthy", bhs: "healthy" },
  deletedLeaders: deleted,
});

describe("a follower whose leader was deleted is due for its deletion", () => {
  const due = (sites: readonly SiteReport[], seenAtMs = NOW_MS - HOUR_MS, by = three) => [
    ...dueDeletions(noted(seenAtMs), sites, by, NOW_MS),
  ];

  test("when a majority sees it now and saw it that long ago", () => {
    expect(due([site("gra", ["u9"]), site("bhs", ["u9"]), site("witness", null)])).toEqual(["u9"]);
    expect(due([site("bhs", ["u9"])], NOW_MS - HOUR_MS, alone)).toEqual(["u9"]);
  });

  test.each<[string, string[]]>([
    ["one site of three sees it", due([site("gra", ["u9"]), site("bhs", []), site("witness", null)])],
    ["a majority saw it too short a time ago", due([site("gra", ["u9"]), site("bhs", ["u9"])], NOW_MS - HOUR_MS + 1)],
    ["another follower of the name is meant", due([site("gra", ["u8"]), site("bhs", ["u8"])])],
    ["the policy keeps it", due([site("gra", ["u9"]), site("bhs", ["u9"])], 0, { ...config, store: etcd, failsafe })],
  ])("not when %s", (_what, uuids) => {
    expect(uuids).toEqual([]);
  });
});

describe("the record notes a deletion", () => {
  const sites = [site("gra", ["u9"]), site("bhs", ["u9"])];
  const recordAfter = (deleted: Observations["deletedLeaders"], reports = sites, record = serving()) =>
    decide(record, observations({ deletedLeaders: deleted ?? null, sites: reports }), NOW_MS, three).record;
  const u9 = { index: "logs-9", uuid: "u9" };

  test("once a majority sees it, with the time", () => {
    expect(recordAfter([u9])).toMatchObject({ deletedLeaders: [{ ...u9, seenAtMs: NOW_MS }] });
    expect(recordAfter([u9], [site("bhs", ["u9"])])).toMatchObject({ deletedLeaders: [] });
  });

  test("keeps the time, forgets it when the leader is back, and neither while it cannot tell", () => {
    const before = noted(NOW_MS - 5);
    expect(recordAfter([u9], sites, before)).toBe(before);
    expect(recordAfter([], sites, before)).toMatchObject({ deletedLeaders: [] });
    expect(recordAfter(null, sites, before)).toBe(before);
  });
});

describe("the reconciler", () => {
  const plan = (due: readonly string[], names = ["logs-9"]) => {
    const standby = standbyView({
      indices: [followed("logs-1"), ...names.map((name) => followed(name))],
      followers: [follower("logs-1"), ...names.map((name) => follower(name))],
    });
    const snapshot: ReplicationSnapshot = {
      leader: { region: "gra", indices: [index("logs-1")], definitions: [], health: "healthy", sameCluster: true },
      standby: { ...standby, copies: new Map(), definitions: [], reachesLeader: true, neverComplete: new Set() },
      patterns: ["logs-*"],
      exclusions: [],
      dueDeletions: new Set(due),
      seenBefore: new Set(),
    };
    return planReplication({ ...snapshot, seenBefore: planReplication(snapshot).sightings });
  };

  test("names a follower whose leader was deleted, and deletes it when it is due", () => {
    expect(plan([])).toMatchObject({
      changes: [],
      problems: [expect.stringMatching(/^logs-9 follows logs-9, which gra/)],
    });
    const change = { kind: "delete-follower", follower: { name: "logs-9", uuid: "f-logs-9" }, leader: "gra" };
    expect(plan(["f-logs-9"])).toMatchObject({ changes: [change], problems: [] });
  });

  test("deletes nothing when most followers are due at once, as that was hardly meant", () => {
    const names = ["logs-7", "logs-8", "logs-9"];
    const { changes, problems } = plan(
      names.map((name) => `f-${name}`),
      names,
    );
    expect(changes).toEqual([]);
    expect(problems).toHaveLength(3);
  });
});

/** Both regions at the moment of the deletion. */
class Regions {
  readonly calls: string[] = [];
  own: IndexState[] = [followed("logs-9")];
  followers: Follower[] = [follower("logs-9")];
  led: IndexState[] = [index("logs-1")];
  probe: ClusterProbe = goodProbe;

  async delete(confirm = async () => {}): Promise<readonly string[]> {
    const note = async (call: string) => void this.calls.push(call);
    const cluster: Partial<Cluster> = {
      region: "bhs",
      indices: async () => this.own,
      followers: async () => this.followers,
      uuids: async () => new Map(this.own.map(({ name, uuid }) => [name, uuid])),
      liftFollowerBlocks: (names) => note(`lift ${names}`),
      pauseFollow: (name) => note(`pause ${name}`),
      deleteIndices: (names) => note(`delete ${names}`),
    };
    const leader: Partial<Cluster> = {
      region: "gra",
      indices: async () => this.led,
      unmatchedIndices: async () => [],
      probe: async () => this.probe,
    };
    const follower = { name: "logs-9", uuid: "f-logs-9" };
    const context = {
      cluster: cluster as Cluster,
      leader: leader as Cluster,
      managed: config.replication,
      standby: { nodes: [], plainHttp: false },
      confirm,
    };
    await deleteFollower({ kind: "delete-follower", follower, leader: "gra" }, context);
    return this.calls;
  }
}
const regions = (changes: Partial<Omit<Regions, "calls" | "delete">> = {}) => Object.assign(new Regions(), changes);

describe("the deletion of a follower", () => {
  test("pauses it if it runs, and lifts its block first, which would refuse both", async () => {
    expect(await regions().delete()).toEqual(["pause logs-9", "delete logs-9"]);
    const own = [{ ...followed("logs-9"), writeBlocked: true }];
    expect(await regions({ own }).delete()).toEqual(["lift logs-9", "pause logs-9", "delete logs-9"]);
  });

  test.each<[string, Parameters<typeof regions>[0]]>([
    ["its leader is back", { led: [index("logs-1"), index("logs-9")] }],
    ["it is another index by now", { own: [followed("logs-9", "other")] }],
    ["it follows no more", { own: [index("logs-9", { uuid: "f-logs-9" })] }],
    ["the active region has a red index", { probe: { ...goodProbe, status: "red", redIndices: ["logs-1"] } }],
    ["the active region does not answer", { probe: { reachable: false, kind: "timeout", error: "no answer" } }],
  ])("changes nothing when %s", async (_why, now) => {
    const facts = regions(now);
    await expect(facts.delete()).rejects.toThrow(/kept/);
    expect(facts.calls).toEqual([]);
  });

  test("is given up when the leader comes back meanwhile, or the store does not confirm it", async () => {
    const facts = regions();
    Object.defineProperty(facts, "followers", {
      get: () => {
        facts.led = facts.calls.length > 0 ? [index("logs-9")] : facts.led;
        return [follower("logs-9")];
      },
    });
    await expect(facts.delete()).rejects.toThrow(/has the leader of logs-9/);
    const refused = regions();
    await expect(refused.delete(() => Promise.reject(new Error("not the controller")))).rejects.toThrow(
      "not the controller",
    );
    for (const { calls } of [facts, refused]) expect(calls).toEqual(["pause logs-9"]);
  });
});

test("a promotion names in the loss statement what it brings back although it had been deleted", () => {
  const record = { ...promotedUpTo(null), leaderSight: { ...sight, deleted: ["logs-1", "logs-9"] } };
  const ruling = decide(record, observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
  expect(ruling.record?.lastFailover?.deletedBefore).toEqual(["logs-1"]);
  const sentence = "bhs has what had been deleted in gra: logs-1";
  expect(ruling.record?.lastFailover?.loss.explanation).toContain(sentence);
  expect(ruling.explanation).toContain(sentence);
});
