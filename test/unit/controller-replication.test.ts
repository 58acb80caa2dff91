import { describe, expect, test } from "vitest";
import { beginCopies, type CopyStart } from "../../watchdog/controller/loops/copy-slots.ts";
import { type ChangeContext, recreateFollower } from "../../watchdog/controller/loops/recreate-follower.ts";
import type { RecreationCause } from "../../watchdog/core/plans/replication-change.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { FirstCopy, Follower, IndexState, ShardCheckpoint } from "../../watchdog/core/state/cluster.ts";
import type { Clock } from "../../watchdog/util/clock.ts";
import { config, follower, goodProbe, index, serving } from "./core-fixtures.ts";

const failed: FirstCopy = { state: "failed", bytesDone: 0, bytesTotal: null, startedAtMs: null, error: "no room" };
const at = (maxSeqNo: number, shard = 0): ShardCheckpoint => ({
  index: "logs-1",
  shard,
  globalCheckpoint: maxSeqNo,
  maxSeqNo,
});

/** Both regions at the moment of the deletion, and what is asked of them. */
class Regions {
  readonly calls: string[] = [];
  own: IndexState[] = [index("logs-1", { following: true, uuid: "f" })];
  followers: Follower[] = [follower("logs-1")];
  ownCheckpoints = [at(5)];
  led: IndexState[] = [index("logs-1")];
  ledCheckpoints = [at(9)];
  nodes = config.regions["bhs"]?.nodes.length ?? 0;
  record = serving();

  readonly #note = async (call: string) => void this.calls.push(call);

  readonly #confirm: ChangeContext["confirm"] = async (holds = () => true) => {
    if (!holds(this.record)) throw new Error("the record has changed: kept");
  };

  async recreate(cause: RecreationCause, confirm = this.#confirm): Promise<readonly string[]> {
    const cluster: Partial<Cluster> = {
      region: "bhs",
      indices: async () => this.own,
      followers: async () => this.followers,
      probe: async () => ({ ...goodProbe, nodes: this.nodes }),
      checkpoints: async () => this.ownCheckpoints,
      uuids: async () => new Map(this.own.map(({ name, uuid }) => [name, uuid])),
      clusterName: async () => "bhs-cluster",
      liftFollowerBlocks: (names) => this.#note(`lift ${names}`),
      pauseFollow: (name) => this.#note(`pause ${name}`),
      deleteIndices: (names) => this.#note(`delete ${names}`),
      follow: (name, leader) => this.#note(`follow ${leader.remoteCluster}:${leader.index} as ${name}`),
    };
    const leader: Partial<Cluster> = {
      region: "gra",
      indices: async () => this.led,
      checkpoints: async () => this.ledCheckpoints,
      forgetFollower: (name, { cluster: of, index: { uuid }, remoteCluster }) =>
        this.#note(`forget ${of} ${uuid} of ${remoteCluster}:${name}`),
    };
    const change = {
      kind: "recreate-follow",
      follower: { name: "logs-1", uuid: "f" },
      leader: { region: "gra", uuid: "uuid-logs-1" },
      cause,
      reason: "of the test",
    } as const;
    await recreateFollower(change, {
      cluster: cluster as Cluster,
      leader: leader as Cluster,
      managed: config.replication,
      standby: { nodes: ["https://192.168.2.11:9200", "https://192.168.2.12:9200"], plainHttp: false },
      confirm,
    });
    return this.calls;
  }
}

const regions = (changes: Partial<Omit<Regions, "calls" | "recreate">> = {}) => Object.assign(new Regions(), changes);

const copyFailed = (changes: Partial<IndexState> = {}) => ({
  own: [index("logs-1", { following: true, uuid: "f", primariesActive: 0, firstCopy: failed, ...changes })],
  followers: [follower("logs-1", {}, { status: "paused", shards: [] })],
  ownCheckpoints: [],
});
/** A restart of the whole standby has ended its first copy. */
const copyEnded = (changes: Partial<IndexState> = {}) => ({
  ...copyFailed({ firstCopy: null, noCopy: true, ...changes }),
  nodes: 2,
  record: serving({ unfinishedCopies: [{ index: "logs-1", uuid: "f" }] }),
});
const ofOldLeader = { followers: [follower("logs-1", {}, { leaderUuid: "earlier" })] };

describe("a follower that is recreated", () => {
  const deleted = ["delete logs-1", "follow gra:logs-1 as logs-1", "forget bhs-cluster f of gra:logs-1"];

  test("is paused if it runs, deleted, followed again, and forgotten by its leader", async () => {
    expect(await regions().recreate("history-lost")).toEqual(["pause logs-1", ...deleted]);
    expect(await regions(ofOldLeader).recreate("leader-recreated")).toEqual(["pause logs-1", ...deleted]);
    expect(await regions(copyFailed()).recreate("copy-failed")).toEqual(deleted);
    expect(await regions(copyEnded()).recreate("copy-ended")).toEqual(deleted);
  });

  test("loses its block first, which would refuse its deletion", async () => {
    expect(await regions(copyFailed({ writeBlocked: true })).recreate("copy-failed")).toEqual([
      "lift logs-1",
      ...deleted,
    ]);
  });

  test("with some primaries copied needs no others, when its leader has all of theirs", async () => {
    const partly = { ...copyFailed({ primaries: 2, primariesActive: 1 }), ownCheckpoints: [at(5)] };
    expect(await regions(partly).recreate("copy-failed")).toEqual(deleted);
    await expect(regions({ ...partly, ledCheckpoints: [at(4)] }).recreate("copy-failed")).rejects.toThrow(/may hold/);
    await expect(regions({ ...partly, ownCheckpoints: [] }).recreate("copy-failed")).rejects.toThrow(/may hold/);
  });

  test.each<[string, RecreationCause, Parameters<typeof regions>[0]]>([
    ["it is no follower any more", "copy-failed", copyFailed({ following: false })],
    ["it is another index by now", "copy-failed", copyFailed({ uuid: "other" })],
    ["its copy runs again", "copy-failed", copyFailed({ firstCopy: { ...failed, state: "running" } })],
    ["its copy is complete", "copy-failed", copyFailed({ firstCopy: null })],
    ["its primary is back", "copy-ended", copyEnded({ noCopy: false, primariesActive: 1 })],
    ["a node of the standby is away", "copy-ended", { ...copyEnded(), nodes: 1 }],
    ["its copy was seen complete", "copy-ended", { ...copyEnded(), record: serving() }],
    ["its node is away", "history-lost", { ...copyEnded(), ledCheckpoints: [] }],
    ["its leader is gone", "copy-failed", { ...copyFailed(), led: [] }],
    ["its leader is closed", "copy-failed", { ...copyFailed(), led: [index("logs-1", { open: false })] }],
    ["its leader lacks a primary", "copy-failed", { ...copyFailed(), led: [index("logs-1", { primariesActive: 0 })] }],
    [
      "its leader is another index again",
      "leader-recreated",
      { ...ofOldLeader, led: [index("logs-1", { uuid: "third" })] },
    ],
    ["it follows the leader that is there", "leader-recreated", {}],
    ["its leader was recreated meanwhile", "history-lost", ofOldLeader],
    ["its leader lacks an operation", "history-lost", { ledCheckpoints: [at(4)] }],
    ["one of its shards cannot be read", "history-lost", { ownCheckpoints: [] }],
  ])("is kept, and nothing is changed, when %s", async (_why, cause, now) => {
    const made = regions(now);
    await expect(made.recreate(cause)).rejects.toThrow(/kept/);
    expect(made.calls).toEqual([]);
  });

  test("is not deleted when the store does not confirm it", async () => {
    const made = regions(copyFailed());
    await expect(made.recreate("copy-failed", () => Promise.reject(new Error("another controller")))).rejects.toThrow();
    expect(made.calls).toEqual([]);
  });
});

describe("first copies", () => {
  /** Virtual time: a copy of `sizes[index]` ms begins when it is asked for. */
  class Copies {
    readonly begunAtMs = new Map<string, number>();
    nowMs = 0;
    most = 0;
    readonly #sizes: Readonly<Record<string, number>>;
    readonly #waiting: { readonly atMs: number; readonly wake: () => void }[] = [];

    constructor(sizes: Readonly<Record<string, number>>) {
      this.#sizes = sizes;
    }

    isDone(name: string): boolean {
      const begun = this.begunAtMs.get(name);
      return begun !== undefined && this.nowMs >= begun + (this.#sizes[name] ?? 0);
    }

    start(name: string): CopyStart {
      return {
        index: name,
        primaries: 1,
        begin: async () => {
          this.begunAtMs.set(name, this.nowMs);
          const running = [...this.begunAtMs.keys()].filter((each) => !this.isDone(each)).length;
          this.most = Math.max(this.most, running);
          return true;
        },
      };
    }

    async run(atOnce: number, others: readonly IndexState[] = []): Promise<void> {
      const cluster: Partial<Cluster> = {
        checkpoints: async ([name = ""]) => (this.isDone(name) ? [at(0)] : []),
      };
      const clock: Partial<Clock> = {
        monotonicMs: () => this.nowMs,
        sleep: (ms) =>
          new Promise((wake) => {
            this.#waiting.push({ atMs: this.nowMs + ms, wake });
          }),
      };
      let isOver = false;
      const starts = Object.keys(this.#sizes).map((name) => this.start(name));
      const round = beginCopies(
        starts,
        { cluster: cluster as Cluster, indices: others },
        { atOnce, untilMonotonicMs: 30_000 },
        clock as Clock,
      );
      void round.then(() => {
        isOver = true;
      });
      for (;;) {
        await new Promise(setImmediate);
        if (isOver) return;
        this.#waiting.sort((a, b) => a.atMs - b.atMs);
        const next = this.#waiting.shift();
        if (next === undefined) throw new Error("the round neither waits nor ends");
        this.nowMs = next.atMs;
        next.wake();
      }
    }
  }

  const named = (count: number, ms: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`i${n}`, ms]));

  test("that are large fill the slots, and the others wait for a later round", async () => {
    const copies = new Copies(named(20, 3_600_000));
    await copies.run(4);
    expect([copies.begunAtMs.size, copies.most]).toEqual([4, 4]);
  });

  test("that are small follow one another in the same round, never more at once than allowed", async () => {
    const copies = new Copies(named(200, 150));
    await copies.run(4);
    expect([copies.begunAtMs.size, copies.most]).toEqual([200, 4]);
    expect(copies.nowMs).toBeLessThan(15_000);
  });

  test("that others began count as well", async () => {
    const running = (name: string) => index(name, { following: true, firstCopy: { ...failed, state: "running" } });
    const copies = new Copies(named(5, 3_600_000));
    await copies.run(3, [running("a"), running("b"), index("c", { following: true, firstCopy: failed })]);
    expect(copies.begunAtMs.size).toBe(1);
    const full = new Copies(named(5, 10));
    await full.run(2, [running("a"), running("b"), running("c")]);
    expect(full.begunAtMs.size).toBe(0);
  });

  test("a round ends after half a minute, so that the next one sees what changed", async () => {
    const copies = new Copies(named(1_000, 300));
    await copies.run(1);
    expect(copies.nowMs).toBeLessThan(33_000);
    expect(copies.begunAtMs.size).toBeLessThan(1_000);
  });
});
