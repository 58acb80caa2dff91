import { expect, test } from "vitest";
import type { WatchdogContext } from "../../watchdog/controller/context.ts";
import { observeActive } from "../../watchdog/controller/loops/observe-active.ts";
import { ObservedState } from "../../watchdog/controller/observed-state.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { IndexState } from "../../watchdog/core/state/cluster.ts";
import { withMarks } from "../../watchdog/core/state/write-blocks.ts";
import { config, health, index, serving, standbyView } from "./core-fixtures.ts";
import { VirtualTime } from "./support/virtual-time.ts";

/** The snapshot of gra that the record keeps for a promotion. */
async function leaderSnapshot(indices: readonly IndexState[], marked: readonly IndexState[] = []) {
  const observed = new ObservedState(config);
  observed.health.set("gra", { ...health("healthy"), lastProbeAtMs: 1, lastGoodAtMs: 1 });
  observed.adoptRecord(serving({ writeBlocks: withMarks(serving(), "gra", marked) }), 0);
  const gra: Partial<Cluster> = {
    region: "gra",
    indices: async () => indices,
    unmatchedIndices: async () => [{ name: "shrink-a-logs-0", aliases: ["logs-0"], searchableSnapshot: false }],
    definitions: async () => [],
    readiness: async () => standbyView().readiness,
    checkpoints: async (names) => names.map((name) => ({ index: name, shard: 0, globalCheckpoint: 5, maxSeqNo: 5 })),
  };
  const context: Partial<WatchdogContext> = {
    clusters: { gra: gra as Cluster },
    config,
    observed,
    clock: new VirtualTime(),
  };
  await observeActive(context as WatchdogContext);
  return observed.leaderSnapshot;
}

test("a snapshot has the write blocks of the users, and not those of the watchdog", async () => {
  const indices = ["logs-1", "logs-2"].map((name) => index(name, { writeBlocked: true }));
  expect((await leaderSnapshot([...indices, index("logs-3")], indices.slice(1)))?.writeBlocked).toEqual(["logs-1"]);
});

test("a snapshot has all indices of an alias that writes, or that has a single index, each by its position", async () => {
  const member = (alias: string, isWriteIndex: boolean) => ({ alias, isWriteIndex });
  const indices = [
    index("logs-1", { aliases: [member("logs-app", false), member("logs-read", false)] }),
    index("logs-2", { aliases: [member("logs-app", true), member("logs-read", false), member("elsewhere", true)] }),
    index("logs-3", { aliases: [member("logs-one", false)] }),
  ];
  expect((await leaderSnapshot(indices))?.aliases).toEqual([
    { alias: "logs-app", members: [0, 1] },
    { alias: "logs-one", members: [2] },
  ]);
});

test("a snapshot has what cannot be followed with the reason, and asks neither closed nor mounted indices for checkpoints", async () => {
  const indices = [
    index("logs-1", { indexingComplete: true }),
    index("logs-2", { open: false }),
    index("logs-3", { searchableSnapshot: true }),
  ];
  expect(await leaderSnapshot(indices)).toMatchObject({
    shards: [{ index: "logs-1", shard: 0, maxSeqNo: 5 }],
    indexingComplete: [{ index: 0, createdAtMs: index("logs-1").createdAtMs }],
    unfollowable: [
      { index: 1, reason: "cannot be followed: it is closed" },
      { index: 2, reason: "cannot be followed: it is a searchable snapshot" },
    ],
    unmatched: [{ index: "shrink-a-logs-0", reason: expect.stringContaining("serves logs-0") }],
  });
});
