import { describe, expect, test } from "vitest";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { index, serving } from "./core-fixtures.ts";
import { follows, type Holding, leads, type Round, tell, times, withCopy } from "./core-incident.ts";

const well: Round = { gra: "green" };
const graGone: Round = { gra: "gone" };
const bothLead: Holding = { indices: [index("logs-1"), index("logs-2")], followers: [] };

describe("incidents: failover", () => {
  test.each<[string, StateRecord, readonly Round[]]>([
    ["the active region is lost", serving(), [well, ...times(4, graGone)]],
    ["a blip is no failover", serving(), [well, ...times(2, graGone), well, ...times(2, graGone), well]],
    ["one node is lost", serving(), [well, ...times(4, { gra: "yellow" })]],
    ["an index is red", serving(), [well, ...times(4, { gra: "red" })]],
    ["one of many indices is red", serving(), [well, ...times(4, { gra: "oneRed" }), well]],
    ["a disk of the active region is full", serving(), [well, ...times(4, { gra: "full" }), well]],
    ["the licence of both regions lapses", serving(), [well, ...times(4, { gra: "unlicensed", bhs: "unlicensed" })]],
    [
      "the active region refuses the watchdogs and an operator knows that it is lost",
      serving(),
      [
        well,
        ...times(4, { gra: "refusing" }),
        { operator: { kind: "failover", to: "bhs", force: false, reason: null } },
        { operator: { kind: "failover", to: "bhs", force: true, reason: "the applications are refused as well" } },
      ],
    ],
    [
      "a certificate is rotated before the watchdogs trust it",
      serving(),
      [well, ...times(5, { gra: "untrusted", bhs: "untrusted" }), { gra: "green", bhs: "green" }],
    ],
    [
      "a lost region refuses the watchdogs while it starts",
      serving({ standby: "following", inSyncAtMs: null }),
      [well, ...times(3, graGone), ...times(4, { gra: "refusing" }), ...times(6, well)],
    ],
    ["no master is elected", serving(), [well, ...times(3, { gra: "masterless" })]],
    ["both regions are lost", serving(), [well, ...times(4, { gra: "gone", bhs: "gone" })]],
    ["the standby is not in sync", serving({ standby: "following", inSyncAtMs: null }), times(4, graGone)],
    ["a router does not acknowledge", serving(), [{ ...graGone, acknowledges: 1 }, ...times(4, graGone)]],
    [
      "the active region comes back while its routers close",
      serving(),
      [{ ...graGone, acknowledges: 1 }, ...times(2, graGone), ...times(5, well)],
    ],
    [
      "an operator forces a failover and the new region dies while the routers close",
      serving(),
      [
        well,
        { acknowledges: 1, operator: { kind: "failover", to: "bhs", force: true, reason: "gra is slow" } },
        ...times(7, { bhs: "gone" }),
      ],
    ],
    [
      "a promotion that cannot close its indices is given up once gra is back",
      serving(),
      [
        well,
        ...times(3, graGone),
        { afterMs: 1_000, gra: "gone" },
        { afterMs: 100, done: ["pause-auto-follow", "drain", "pause-follow", "record-checkpoints"] },
        ...times(3, { ...well, failed: ["close", "logs-1 is being snapshotted"] }),
        ...times(4, well),
      ],
    ],
    [
      "an operator aborts a failover before and after followers were detached",
      serving(),
      [
        well,
        { operator: { kind: "failover", to: "bhs", force: true, reason: null }, acknowledges: 1 },
        { operator: { kind: "abort", reason: "the wrong region" } },
        { operator: { kind: "failover", to: "bhs", force: true, reason: "now for real" }, acknowledges: "newest" },
        { gra: "gone" },
        {
          afterMs: 100,
          done: ["pause-auto-follow", "drain", "pause-follow", "record-checkpoints", "close", "unfollow"],
          holds: { bhs: leads },
        },
        ...times(2, graGone),
        { operator: { kind: "abort", reason: "too slow" } },
        ...times(6, well),
        { operator: { kind: "abort", reason: "gra is back" } },
        { operator: { kind: "abort", reason: "once more" } },
      ],
    ],
    [
      "the watchdog doubts itself",
      serving(),
      [well, { ...graGone, selfDoubt: ["the process stood still for 9000 ms"] }, ...times(2, graGone)],
    ],
    [
      "an operator forces a failover while an index is in its first copy",
      serving(),
      [
        { gra: "green", holds: { gra: bothLead, bhs: withCopy(follows("gra"), "gra") } },
        { gra: "gone", operator: { kind: "failover", to: "bhs", force: true, reason: "gra burns" } },
        { gra: "gone" },
        { afterMs: 100, done: ["pause-auto-follow", "drain", "pause-follow", "record-checkpoints"] },
        { afterMs: 100, done: ["close", "unfollow", "open"], holds: { bhs: withCopy(leads, "gra") } },
        { afterMs: 100, done: ["write-aliases", "data-streams", "discard-copies"], holds: { bhs: leads } },
        { afterMs: 100, done: ["verify"] },
      ],
    ],
  ])("%s", async (name, start, rounds) => {
    await expect(tell(start, rounds)).toMatchFileSnapshot(`incidents/failover/${name.replaceAll(" ", "-")}.txt`);
  });
});
