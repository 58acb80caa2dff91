import { describe, expect, test } from "vitest";
import { parseStateRecord, type StateRecord } from "../../watchdog/core/state/record.ts";
import { afterFailover, index, NOW_MS, serving } from "./core-fixtures.ts";
import { blocked, follows, type Holding, leads, type Round, tell, times, withCopy } from "./core-incident.ts";

/** bhs serves after a switchover, whose write blocks in gra are marked. */
const switchedOver = afterFailover({ writeBlocks: [{ region: "gra", index: "logs-1", uuid: "uuid-logs-1" }] });

const back: Round = { gra: "green", bhs: "green" };
const soon = 2_000;
const bhsLeads = { gra: leads, bhs: leads };

describe("incidents: rejoin", () => {
  test.each<[string, StateRecord, readonly Round[]]>([
    [
      "gra comes back and follows bhs",
      afterFailover(),
      [
        { gra: "gone", bhs: "green" },
        ...times(6, back),
        { afterMs: soon, done: ["fence", "pause-auto-follow"], holds: { gra: blocked } },
        { afterMs: soon, done: ["salvage"] },
        { afterMs: soon, done: ["clear"], holds: { gra: { indices: [], followers: [] } } },
        { holds: { gra: follows("bhs", { followerCheckpoint: -1 }) } },
        { holds: { gra: follows("bhs") } },
      ],
    ],
    [
      "salvage is pending while a shard of gra is missing",
      afterFailover(),
      [
        ...times(5, back),
        { done: ["fence", "pause-auto-follow"], holds: { gra: blocked } },
        { failed: ["salvage", "gra: all shards of logs-1 failed"] },
        { failed: ["salvage", "gra: all shards of logs-1 failed"], gra: "red" },
        { gra: "red" },
        { gra: "green" },
        { afterMs: soon, done: ["salvage"] },
        {
          afterMs: soon,
          failed: ["clear", "not salvaged, so nothing of gra is deleted: logs-1: there is no valid receipt"],
        },
      ],
    ],
    [
      "gra is lost again while it is salvaged",
      afterFailover(),
      [
        ...times(5, back),
        { done: ["fence", "pause-auto-follow"], holds: { gra: blocked } },
        ...times(3, { gra: "gone" } as const),
        ...times(5, back),
      ],
    ],
    [
      "an operator pauses while gra rejoins",
      afterFailover(),
      [
        ...times(5, back),
        { afterMs: soon, operator: { kind: "pause", reason: "gra gets new disks" } },
        { afterMs: soon, operator: { kind: "pause", reason: "once more" } },
        { operator: { kind: "resume" } },
        { afterMs: soon, done: ["fence"], holds: { gra: blocked } },
      ],
    ],
    [
      "bhs is lost while gra rejoins and an operator forces gra back",
      afterFailover(),
      [
        ...times(5, back),
        { done: ["fence"], holds: { gra: blocked } },
        ...times(4, { bhs: "gone" } as const),
        { operator: { kind: "failover", to: "gra", force: false, reason: null } },
        { operator: { kind: "failover", to: "gra", force: true, reason: "bhs is gone for good" } },
        { afterMs: soon },
        {
          afterMs: soon,
          done: ["pause-auto-follow", "drain", "pause-follow", "record-checkpoints", "close", "unfollow", "open"],
        },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
        { afterMs: soon, done: ["write-aliases", "data-streams", "verify"] },
      ],
    ],
    [
      "bhs is lost after a switchover before gra has rejoined and an operator forces gra back",
      switchedOver,
      [
        ...times(5, { ...back, holds: { gra: blocked } }),
        { afterMs: soon, done: ["fence"] },
        ...times(3, { bhs: "gone" } as const),
        { operator: { kind: "failover", to: "gra", force: true, reason: "bhs is gone for good" } },
        { afterMs: soon },
        {
          afterMs: soon,
          done: ["pause-auto-follow", "drain", "pause-follow", "record-checkpoints", "close", "unfollow", "open"],
        },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
        { afterMs: soon, done: ["write-aliases", "data-streams", "verify"] },
        { afterMs: soon, holds: { gra: blocked } },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
      ],
    ],
    [
      "a region whose promotion was undone half-way rejoins",
      serving({
        standby: "absent",
        halfPromoted: {
          region: "bhs",
          checkpoints: [{ index: "logs-1", shard: 0, globalCheckpoint: 100, maxSeqNo: 100 }],
        },
      }),
      [
        { ...back, holds: { bhs: { indices: [index("logs-1", { open: false })], followers: [] } } },
        ...times(4, back),
        { afterMs: soon, done: ["open", "fence", "pause-auto-follow", "salvage"], holds: { bhs: blocked } },
        { afterMs: soon, done: ["clear"], holds: { bhs: follows("gra") } },
      ],
    ],
  ])("%s", async (name, start, rounds) => {
    const holds = start.phase === "serving" && start.active === "gra" ? undefined : bhsLeads;
    await expect(tell(start, rounds, holds)).toMatchFileSnapshot(`incidents/rejoin/${name.replaceAll(" ", "-")}.txt`);
  });
});

/** bhs leads, but auto-follow created a follower of gra in it as the promotion ended. */
const lateFollower: Holding = {
  indices: [...leads.indices, ...follows("gra").indices.map((one) => ({ ...one, name: "logs-2" }))],
  followers: follows("gra").followers.map((one) => ({ ...one, index: "logs-2", leaderIndex: "logs-2" })),
};
const bothLead: Holding = { indices: [index("logs-1"), index("logs-2")], followers: [] };

/** A switchover from gra turned back 30 s ago: the record keeps the blocks it set in gra. */
const turnedBack = serving({
  epoch: 3,
  startedAtMs: NOW_MS - 30_000,
  writeBlocks: [{ region: "gra", index: "logs-1", uuid: "uuid-logs-1" }],
});

const createdAgain: Holding = {
  indices: [index("logs-1", { uuid: "created-again", writeBlocked: true })],
  followers: [],
};

describe("incidents: repair", () => {
  test.each<[string, StateRecord, readonly Round[], Holding | undefined]>([
    [
      "a follower appears after the promotion",
      afterFailover(),
      [
        { gra: "gone", bhs: "green" },
        { holds: { bhs: lateFollower } },
        { afterMs: soon, done: ["pause-auto-follow", "pause-follow"] },
        { afterMs: soon, failed: ["close", "bhs: no answer within 5000 ms"] },
        { afterMs: soon, done: ["close", "unfollow", "open", "verify"], holds: { bhs: bothLead } },
      ],
      leads,
    ],
    [
      "an unfinished copy is left in the region that serves",
      afterFailover(),
      [
        { gra: "gone", bhs: "green", holds: { bhs: withCopy(leads, "gra") } },
        {
          afterMs: soon,
          done: ["pause-auto-follow", "pause-follow", "close", "unfollow", "open", "discard-copies", "verify"],
          holds: { bhs: leads },
        },
      ],
      leads,
    ],
    [
      "a rejoin gives way to a repair and starts over",
      afterFailover(),
      [
        ...times(5, back),
        { afterMs: soon, done: ["fence"], holds: { gra: blocked } },
        { holds: { bhs: lateFollower } },
        {
          afterMs: soon,
          done: ["pause-auto-follow", "pause-follow", "close", "unfollow", "open", "verify"],
          holds: { bhs: bothLead },
        },
      ],
      leads,
    ],
    [
      "a write block of a switchover that turned back appears late",
      turnedBack,
      [
        back,
        { holds: { gra: blocked } },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
        { afterMs: 60_000 },
        { afterMs: 60_000 },
      ],
      undefined,
    ],
    [
      "a write block on an index that was created again stays",
      turnedBack,
      [{ ...back, holds: { gra: createdAgain } }, { afterMs: 60_000 }, { afterMs: 60_000 }],
      undefined,
    ],
    [
      "a record of an earlier version has marks by name",
      parseStateRecord({ ...turnedBack, writeBlocks: { region: "gra", indices: ["logs-1"] } }),
      [
        { ...back, holds: { gra: blocked } },
        { afterMs: soon, done: ["lift-write-block"], holds: { gra: leads } },
        { afterMs: 60_000 },
        { afterMs: 60_000 },
      ],
      undefined,
    ],
    [
      "a write block that an operator set stays",
      serving(),
      [{ ...back, holds: { gra: blocked } }, ...times(2, {})],
      undefined,
    ],
    [
      "nothing is repaired while the active region is not well",
      turnedBack,
      [{ ...back, holds: { gra: blocked }, gra: "gone" }, { gra: "gone" }, back],
      undefined,
    ],
  ])("%s", async (name, start, rounds, bhs) => {
    const holds = bhs === undefined ? undefined : { gra: leads, bhs };
    await expect(tell(start, rounds, holds)).toMatchFileSnapshot(`incidents/repair/${name.replaceAll(" ", "-")}.txt`);
  });
});
