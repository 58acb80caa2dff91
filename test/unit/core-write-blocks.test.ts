import { describe, expect, test } from "vitest";
import { planRejoin } from "../../watchdog/core/plans/rejoin.ts";
import { planSwitchover } from "../../watchdog/core/plans/switchover.ts";
import { decide } from "../../watchdog/core/rules/decide.ts";
import type { Plan, StepKind } from "../../watchdog/core/state/plan.ts";
import { parseStateRecord } from "../../watchdog/core/state/record.ts";
import { isMarked, markedIndices, withMarks, withoutMarks } from "../../watchdog/core/state/write-blocks.ts";
import {
  activeView,
  afterFailover,
  closing,
  config,
  health,
  index,
  NOW_MS,
  observations,
  promotedUpTo,
  promoting,
  seenHealth,
  serving,
  sight,
  standbyView,
} from "./core-fixtures.ts";

const mark = (region: string, name: string, uuid: string | null = `uuid-${name}`) => ({ region, index: name, uuid });
const switchoverPlan = () => planSwitchover(activeView(), standbyView(), sight, config, NOW_MS);
const attempted = (plan: Plan, kind: StepKind): Plan => ({
  ...plan,
  steps: plan.steps.map((step) => (step.kind === kind ? { ...step, status: "running", attempts: 1 } : step)),
});
const former = (...indices: ReturnType<typeof index>[]) =>
  standbyView({ region: "gra", indices, followers: [], autoFollow: [] });

describe("marks of write blocks", () => {
  const record = serving({ writeBlocks: [mark("gra", "logs-1"), mark("bhs", "logs-2", null)] });

  test("are of one index of one region", () => {
    expect(isMarked(record, "gra", index("logs-1"))).toBe(true);
    expect(isMarked(record, "gra", index("logs-1", { uuid: "created-again" }))).toBe(false);
    expect(isMarked(record, "bhs", index("logs-1"))).toBe(false);
    expect(isMarked(record, "bhs", index("logs-2", { uuid: "any" }))).toBe(true);
    expect(markedIndices(record, "gra")).toEqual(["logs-1"]);
  });

  test("are added once, and removed by region", () => {
    const once = withMarks(record, "gra", [index("logs-1"), index("logs-3")]);
    expect(once).toEqual([...(record.writeBlocks ?? []), mark("gra", "logs-3")]);
    expect(withMarks({ writeBlocks: once }, "gra", [index("logs-3")])).toBe(once);
    expect(withoutMarks(record, "gra")).toEqual([mark("bhs", "logs-2", null)]);
    expect(withoutMarks({ writeBlocks: [mark("gra", "logs-1")] }, "gra")).toBeNull();
  });
});

describe("every index that a plan write-blocks is marked", () => {
  test("in the write that begins a switchover", () => {
    const indices = [index("logs-1"), index("logs-2", { writeBlocked: true }), index("logs-3", { open: false })];
    const seen = observations({
      active: activeView({ indices }),
      routers: [{ router: config.name, acknowledgedEpoch: 2 }],
    });
    const ruling = decide(
      closing({ change: "switchover", automatic: false, startedAtMs: NOW_MS }),
      seen,
      NOW_MS,
      config,
    );
    expect(ruling).toMatchObject({ rule: "begin-promotion", record: { writeBlocks: [mark("gra", "logs-1")] } });
  });

  test("in the write that begins a rejoin, next to those of a switchover", () => {
    const steady = { ...health("healthy"), successesInARow: 100 };
    const seen = observations({
      ...seenHealth("healthy", "healthy"),
      health: { gra: steady, bhs: steady },
      standby: former(index("logs-1", { writeBlocked: true }), index("logs-2")),
      active: activeView({ region: "bhs" }),
    });
    const ruling = decide(afterFailover({ writeBlocks: [mark("gra", "logs-1")] }), seen, NOW_MS, config);
    const writeBlocks = [mark("gra", "logs-1"), mark("gra", "logs-2")];
    expect(ruling).toMatchObject({ rule: "rejoin-begins", record: { writeBlocks } });
  });

  test("also after a repair has taken the place of the rejoin", () => {
    const writeBlocks = [mark("gra", "logs-1")];
    const plan = attempted(planRejoin(afterFailover(), former(index("logs-1")), "delete", NOW_MS), "fence");
    const seen = observations({ active: activeView({ region: "bhs", strays: ["logs-9"] }) });
    const ruling = decide(afterFailover({ standby: "fencing", plan, writeBlocks }), seen, NOW_MS, config);
    expect(ruling).toMatchObject({ rule: "repair-begins", record: { standby: "absent", writeBlocks } });
  });

  test("until its region has rejoined, or the block is seen to be lifted", () => {
    const writeBlocks = [mark("gra", "logs-1"), mark("bhs", "logs-2")];
    const { record } = decide({ ...promotedUpTo(null), writeBlocks }, observations(), NOW_MS, config);
    expect(record).toMatchObject({ active: "bhs", writeBlocks });
    const plan = planRejoin(afterFailover(), former(), "delete", NOW_MS);
    const done = { ...plan, steps: plan.steps.map((step) => ({ ...step, status: "done" as const })) };
    const rejoined = decide(
      afterFailover({ standby: "salvaging", plan: done, writeBlocks }),
      observations(),
      NOW_MS,
      config,
    );
    expect(rejoined).toMatchObject({ rule: "rejoin-done", record: { writeBlocks: [mark("bhs", "logs-2")] } });
  });
});

describe("the marks of an active region", () => {
  const at = (writeBlocked: boolean, open: boolean, startedAtMs: number) =>
    decide(
      serving({ startedAtMs, writeBlocks: [mark("gra", "logs-1")] }),
      observations({ active: activeView({ indices: [index("logs-1", { writeBlocked, open })] }) }),
      NOW_MS,
      config,
    ).rule;

  test.each([
    ["repaired while the index is open", true, true, 600_000, "repair-begins"],
    ["kept while the index is closed", true, false, 600_000, "steady"],
    ["kept while a request may still take effect", false, true, 120_000, "steady"],
    ["removed after that", false, true, 120_001, "write-blocks-forgotten"],
  ])("are %s", (_what, writeBlocked, open, servingForMs, rule) => {
    expect(at(writeBlocked, open, NOW_MS - servingForMs)).toBe(rule);
  });
});

describe("a record of an earlier version", () => {
  const parsed = (record: object) => parseStateRecord(structuredClone(record)).writeBlocks;

  test("marks by region and name", () => {
    expect(parsed({ ...serving(), writeBlocks: { region: "gra", indices: ["logs-1", "logs-2"] } })).toEqual([
      mark("gra", "logs-1", null),
      mark("gra", "logs-2", null),
    ]);
    const { writeBlocks: _, ...without } = serving();
    expect(parsed(without)).toBeNull();
  });

  test("has marks for the plan under way, once it has begun to block", () => {
    const record = { ...promoting({ change: "switchover", plan: switchoverPlan() }), writeBlocks: null };
    expect(parsed(record)).toBeNull();
    const begun = { ...record, plan: attempted(record.plan, "block-writes") };
    expect(parsed(begun)).toEqual([mark("gra", "logs-1", null)]);
    const plan = attempted(planRejoin(afterFailover(), former(index("logs-1")), "delete", NOW_MS), "fence");
    expect(parsed(afterFailover({ standby: "fencing", plan }))).toEqual([mark("gra", "logs-1", null)]);
    const halfPromoted = { region: "bhs", checkpoints: [] };
    expect(parsed(serving({ standby: "fencing", plan, halfPromoted }))).toEqual([mark("bhs", "logs-1", null)]);
  });

  test("keeps the marks that it has", () => {
    const plan = attempted(switchoverPlan(), "block-writes");
    const writeBlocks = [mark("gra", "logs-1")];
    expect(parsed(promoting({ change: "switchover", plan, writeBlocks }))).toEqual(writeBlocks);
  });
});
