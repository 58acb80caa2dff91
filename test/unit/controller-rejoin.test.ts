import { expect, test } from "vitest";
import { runStep } from "../../watchdog/controller/steps/runner.ts";
import type { StepContext } from "../../watchdog/controller/steps/step.ts";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import type { Cluster } from "../../watchdog/core/ports/cluster.ts";
import type { Salvage } from "../../watchdog/core/ports/salvage.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { ClusterProbe, IndexState } from "../../watchdog/core/state/cluster.ts";
import { stepOf } from "../../watchdog/core/state/plan.ts";
import type { ServingRecord } from "../../watchdog/core/state/record.ts";
import { withMarks } from "../../watchdog/core/state/write-blocks.ts";
import {
  config,
  copying,
  goodProbe,
  index,
  NOW_MS,
  observations,
  promotedUpTo,
  seenHealth,
  serving,
  standbyView,
} from "./core-fixtures.ts";

interface Seen {
  readonly lastFailover?: ServingRecord["lastFailover"];
  /** Of bhs. */
  readonly probe?: ClusterProbe;
}

/** gra rejoins; bhs, the active region, holds these. */
async function rejoin(
  kind: "fence" | "clear",
  policy: "delete" | "keep",
  gra: IndexState[],
  bhs: readonly IndexState[],
  { lastFailover = null, probe = goodProbe }: Seen = {},
) {
  const changes: string[] = [];
  const change = (what: string, names: readonly string[]) => changes.push(`${what} ${names.join(",")}`);
  const former = standbyView({ region: "gra", indices: gra, followers: [], autoFollow: [] });
  const record = serving({ active: "bhs", epoch: 3, lastFailover, writeBlocks: withMarks(serving(), "gra", gra) });
  const plan = planRejoin(record, former, policy, NOW_MS);
  const step = stepOf(plan, kind);
  if (step === null) throw new Error(`a rejoin has no step ${kind}`);
  const setState = (names: readonly string[], to: Partial<IndexState>) => {
    for (const [n, one] of gra.entries()) if (names.includes(one.name)) gra[n] = { ...one, ...to };
  };
  const cluster: Partial<Cluster> = {
    region: "gra",
    indices: async () => [...gra],
    uuids: async (names) =>
      new Map(gra.filter(({ name }) => names.includes(name)).map(({ name, uuid }) => [name, uuid])),
    setWriteBlock: async (names) => {
      change("block", names);
      setState(names, { writeBlocked: true });
    },
    closeIndices: async (names) => {
      change("close", names);
      setState(names, { open: false });
    },
    deleteIndices: async (names) => {
      change("delete", names);
      for (const name of names)
        gra.splice(
          gra.findIndex((one) => one.name === name),
          1,
        );
    },
  };
  const other: Partial<Cluster> = {
    region: "bhs",
    probe: async () => probe,
    indices: async () => bhs,
  };
  const salvage: Partial<Salvage> = {
    authorizeDelete: async (_divergence, _cluster, names) => ({
      authorized: names.map((name) => ({ name, uuid: `uuid-${name}` })),
    }),
  };
  const context: Partial<StepContext> = {
    cluster: cluster as Cluster,
    other: other as Cluster,
    salvage: salvage as Salvage,
    record: { ...record, plan },
    config,
    signal: new AbortController().signal,
    assertStillController: () => undefined,
    confirmController: async () => undefined,
  };
  await runStep(context as StepContext, step);
  return changes;
}

test("an unfinished follower of the region that rejoins is neither fenced nor deleted: it holds nothing of its own", async () => {
  const gra = () => [index("logs-1"), copying("logs-2")];
  expect(await rejoin("fence", "delete", gra(), [index("logs-1")])).toEqual(["block logs-1"]);
  const fenced = [index("logs-1", { writeBlocked: true }), copying("logs-2")];
  expect(await rejoin("clear", "delete", fenced, [index("logs-1"), index("logs-2")])).toEqual(["delete logs-1"]);
});

test("an index that was left out is set aside where others are: its unfinished copy in the active region is no replacement", async () => {
  const fenced = ["logs-1", "logs-2"].map((name) => index(name, { writeBlocked: true }));
  expect(await rejoin("clear", "keep", fenced, [index("logs-1"), copying("logs-2")])).toEqual([
    "delete logs-1",
    "close logs-2",
  ]);
});

test("a searchable snapshot stays where it is: its documents are in a repository, and nothing follows under its name", async () => {
  const mounted = index("logs-2", { searchableSnapshot: true });
  expect(await rejoin("fence", "delete", [index("logs-1"), mounted], [])).toEqual(["block logs-1"]);
  const fenced = [index("logs-1", { writeBlocked: true }), mounted];
  expect(await rejoin("clear", "delete", fenced, [index("logs-1")])).toEqual(["delete logs-1"]);
});

test("while an index that was left out unread lacks its primary, nothing is deleted, and an operator is told what may be done", async () => {
  const { record } = decide(promotedUpTo(null), observations(seenHealth("unhealthy", "healthy")), NOW_MS, config);
  if (record?.lastFailover == null) throw new Error("the promotion is not done");
  const checkpoints = [{ index: "logs-1", shard: 0, globalCheckpoint: 9, maxSeqNo: 9 }];
  const toJoin = { indices: ["logs-1", "logs-2"], attempts: 1, triedAtMs: NOW_MS };
  const lastFailover = { ...record.lastFailover, checkpoints, toJoin };
  const lacking = (name: string) => {
    const probe = { ...goodProbe, status: "red" as const, redIndices: [name] };
    return rejoin("clear", "delete", [index("logs-3", { writeBlocked: true })], [], { lastFailover, probe });
  };
  await expect(lacking("logs-2")).rejects.toThrow(
    "nothing is deleted while bhs is unhealthy: managed indices without a primary: logs-2; logs-2 was left out: if it lacks a " +
      "primary with all nodes of bhs back, delete it there; what gra has of it is salvaged as a whole",
  );
  // Of one with a checkpoint, what is below it would not be salvaged.
  await expect(lacking("logs-1")).rejects.toThrow(/managed indices without a primary: logs-1$/);
});
