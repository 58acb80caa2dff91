import { describe, expect, test } from "vitest";
import { withFollowersChanged } from "../../watchdog/core/plans/left-out.ts";
import { planPromotion } from "../../watchdog/core/plans/promotion.ts";
import { aliasBlockers } from "../../watchdog/core/rules/preconditions.ts";
import { currentStep, isIrreversible, stepOf } from "../../watchdog/core/state/plan.ts";
import { parseStateRecord } from "../../watchdog/core/state/record.ts";
import { promotionSteps } from "../promotion-steps.ts";
import {
  config,
  dataStream,
  follower,
  index,
  NOW_MS,
  promotedUpTo,
  promoting,
  serving,
  sight,
  standbyView,
} from "./core-fixtures.ts";

const plan = (view: Parameters<typeof standbyView>[0], seen = sight) =>
  planPromotion("gra", standbyView(view), seen, config, NOW_MS);

describe("the promotion plan", () => {
  test("has its steps in the order in which no write is lost", () => {
    expect(plan({}).steps.map(({ kind }) => kind)).toEqual(promotionSteps);
  });

  test("covers the followers of the old region, and no other index", () => {
    const followers = [follower("logs-2"), follower("logs-1"), follower("other", {}, { remoteCluster: "paris" })];
    expect(stepOf(plan({ followers }), "unfollow")?.indices).toEqual(["logs-1", "logs-2"]);
  });

  test("sets write aliases as the old region had them, and those with a single index", () => {
    const member = (alias: string) => [{ alias, isWriteIndex: false }];
    const indices = [
      index("logs-1", { following: true, aliases: [...member("logs-logs"), ...member("logs-only")] }),
      index("logs-2", { following: true, aliases: [...member("logs-logs"), ...member("logs-read")] }),
      index("logs-3", { following: true, aliases: member("logs-read") }),
    ];
    const followers = indices.map(({ name }) => follower(name));
    const seen = { ...sight, writeAliases: [{ alias: "logs-logs", index: "logs-2" }] };
    expect(stepOf(plan({ indices, followers }, seen), "write-aliases")?.aliases).toEqual([
      { alias: "logs-logs", index: "logs-2", insteadOf: null },
      { alias: "logs-only", index: "logs-1", insteadOf: null },
    ]);
  });

  test("leaves out aliases that the watchdog has no privilege to set", () => {
    const indices = [
      index("logs-1", { following: true, aliases: [{ alias: "elsewhere", isWriteIndex: false }] }),
      index("logs-2", { following: true, aliases: [{ alias: "logs-all", isWriteIndex: false }] }),
    ];
    const seen = { ...sight, writeAliases: [{ alias: "elsewhere", index: "logs-1" }] };
    const followers = indices.map(({ name }) => follower(name));
    expect(stepOf(plan({ indices, followers }, seen), "write-aliases")?.aliases).toEqual([
      { alias: "logs-all", index: "logs-2", insteadOf: null },
    ]);
    expect(aliasBlockers(seen, config.replication).join()).toMatch(/elsewhere.*outside the managed patterns/);
  });

  test("promotes replicated data streams, and leaves out the aliases of their indices", () => {
    const dataStreams = [
      dataStream("logs-app", [".ds-logs-app-1"], { replicated: true }),
      dataStream("own", [".ds-own-1"]),
    ];
    expect(stepOf(plan({ dataStreams }), "data-streams")?.dataStreams).toEqual(["logs-app"]);
  });

  test("is irreversible once an unfollow has begun", () => {
    expect(isIrreversible(promotedUpTo("unfollow").plan)).toBe(false);
    expect(isIrreversible(promotedUpTo("open").plan)).toBe(true);
  });

  test("runs its steps again for a late follower and keeps what was recorded", () => {
    const known = { leader: sight, indices: [], managed: config.replication };
    const late = withFollowersChanged(promotedUpTo("verify").plan, { late: ["logs-9"], unfinished: [] }, known);
    expect(currentStep(late)?.kind).toBe("pause-follow");
    expect(stepOf(late, "unfollow")?.indices).toEqual(["logs-1", "logs-9"]);
    expect(stepOf(late, "record-checkpoints")?.checkpoints).toHaveLength(1);
    expect(stepOf(late, "pause-auto-follow")?.status).toBe("done");
  });
});

describe("the state document", () => {
  test.each([serving(), promoting(), promotedUpTo(null)])(
    "is the same after a round trip through JSON ($phase)",
    (record) => {
      expect(parseStateRecord(JSON.parse(JSON.stringify(record)))).toEqual(record);
    },
  );

  test.each([
    [{ ...serving(), schemaVersion: 2 }, /schemaVersion/],
    [{ ...serving(), epoch: 0 }, /epoch/],
    [{ ...serving(), surprise: true }, /surprise/i],
    [{ ...serving(), phase: "napping" }, /phase/],
    ["nonsense", /the document itself/],
  ])("is refused, with the place, when it is not one (%#)", (value, place) => {
    expect(() => parseStateRecord(value)).toThrow(place);
  });
});
