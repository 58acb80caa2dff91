import { describe, expect, test } from "vitest";
import { planSwitchover } from "../../watchdog/core/plans/switchover.ts";
import type { Command } from "../../watchdog/core/requests.ts";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { activeView, config, index, NOW_MS, promoting, serving, sight, standbyView } from "./core-fixtures.ts";
import { blocked, follows, leads, type Round, tell, times } from "./core-incident.ts";

const well: Round = { gra: "green", bhs: "green" };
const switchover: Command = { kind: "switchover", to: "bhs", force: false, reason: "maintenance of gra" };
const asked: Round = { ...well, operator: switchover };
/** Writes are stopped for 60 s at most. */
const soon = 2_000;
const detached = ["pause-auto-follow", "pause-follow", "record-checkpoints", "close", "unfollow", "open"] as const;
const opened = ["write-aliases", "data-streams", "verify"] as const;

/** Begun 90 s ago; its controller died while it paused the followers. */
const overdue = (() => {
  const begun = { ...promoting(), change: "switchover", automatic: false, startedAtMs: NOW_MS - 90_000 } as const;
  const plan = planSwitchover(activeView(), standbyView(), sight, config, NOW_MS - 88_000);
  const steps = plan.steps.map((step) =>
    step.kind === "block-writes" || step.kind === "catch-up" || step.kind === "pause-auto-follow"
      ? { ...step, status: "done" as const, attempts: 1 }
      : step,
  );
  const writeBlocks = [{ region: "gra", index: "logs-1", uuid: "uuid-logs-1" }];
  return { ...begun, writeBlocks, plan: { ...plan, steps } };
})();

describe("incidents: switchover", () => {
  test.each<[string, StateRecord, readonly Round[]]>([
    [
      "gra hands over to bhs and becomes its standby",
      serving(),
      [
        well,
        asked,
        { afterMs: soon },
        { afterMs: soon, done: ["block-writes"], holds: { gra: blocked } },
        { afterMs: soon, done: ["catch-up"] },
        { afterMs: soon, done: [...detached, ...opened], holds: { bhs: leads } },
        ...times(5, { afterMs: soon }),
        { afterMs: soon, done: ["fence", "pause-auto-follow", "salvage", "clear"], holds: { gra: follows("bhs") } },
      ],
    ],
    [
      "a switchover is refused with every reason",
      serving({ standby: "following", inSyncAtMs: null }),
      [
        {
          ...well,
          bhs: "red",
          holds: {
            gra: { indices: [index("logs-1"), index("logs-2", { open: false })], followers: [] },
            bhs: follows("gra", { fatalError: "no space left on device" }),
          },
        },
        ...times(2, { bhs: "red" } as const),
        { operator: switchover },
      ],
    ],
    [
      "the operator withdraws a request that no controller has taken up",
      serving(),
      [
        { ...well, selfDoubt: ["the clock was set back by 4000 ms"] },
        { afterMs: soon, operator: switchover },
        { afterMs: soon, operator: { kind: "withdraw" } },
        { afterMs: soon, selfDoubt: [] },
      ],
    ],
    [
      "a request is not taken up in time",
      serving(),
      [
        { ...well, selfDoubt: ["the clock was set back by 4000 ms"] },
        { afterMs: soon, operator: switchover },
        { afterMs: 70_000, selfDoubt: [] },
      ],
    ],
    ["a router does not close in time", serving(), [{ ...well, acknowledges: 1 }, asked, ...times(7, {})]],
    [
      "bhs is lost while the routers close",
      serving(),
      [{ ...well, acknowledges: 1 }, asked, ...times(3, { bhs: "gone", afterMs: 3_000 } as const)],
    ],
    [
      "bhs does not catch up and the switchover turns back",
      serving(),
      [
        well,
        asked,
        { afterMs: soon },
        { afterMs: soon, done: ["block-writes"], holds: { gra: blocked } },
        {
          afterMs: 10_000,
          failed: ["catch-up", "not caught up within 10000 ms: shard 0 of logs-1 is at 96 in bhs, at 100 in gra"],
        },
        { afterMs: soon, failed: ["lift-write-block", "indices of gra that still refuse writes: logs-1"] },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
        ...times(3, { afterMs: 60_000 }),
      ],
    ],
    [
      "gra is lost before bhs has caught up",
      serving(),
      [
        well,
        asked,
        { afterMs: soon },
        { afterMs: soon, done: ["block-writes"], holds: { gra: blocked } },
        ...times(4, { gra: "gone", afterMs: 3_000 } as const),
        { gra: "gone", done: ["pause-auto-follow", "drain", ...detached.slice(1), ...opened], holds: { bhs: leads } },
      ],
    ],
    [
      "gra is lost once bhs has caught up",
      serving(),
      [
        well,
        asked,
        { afterMs: soon },
        { afterMs: soon, done: ["block-writes", "catch-up"], holds: { gra: blocked } },
        ...times(4, { gra: "gone", afterMs: 3_000 } as const),
        { gra: "gone", done: [...detached, ...opened], holds: { bhs: leads } },
      ],
    ],
    [
      "bhs is lost after its followers were detached",
      serving(),
      [
        well,
        asked,
        { afterMs: soon },
        { afterMs: soon, done: ["block-writes", "catch-up", ...detached.slice(0, 5)], holds: { gra: blocked } },
        ...times(3, { bhs: "gone", afterMs: 3_000 } as const),
        { bhs: "gone", done: ["lift-write-block"], holds: { gra: leads } },
        ...times(5, { bhs: "green" } as const),
      ],
    ],
    [
      "a controller starts with an overdue switchover and has not probed gra yet",
      overdue,
      [
        { gra: "unprobed", bhs: "green", holds: { gra: blocked } },
        { gra: "unprobed", afterMs: soon },
        { gra: "green", afterMs: soon },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
      ],
    ],
  ])("%s", async (name, start, rounds) => {
    await expect(tell(start, rounds)).toMatchFileSnapshot(`incidents/switchover/${name.replaceAll(" ", "-")}.txt`);
  });
});
