import { describe, expect, test } from "vitest";
import type { StateRecord } from "../../watchdog/core/state/record.ts";
import { serving } from "./core-fixtures.ts";
import { type Round, tell, times } from "./core-incident.ts";

const well: Round = { gra: "green" };
const graGone: Round = { gra: "gone" };

describe("incidents: failover", () => {
  test.each<[string, StateRecord, readonly Round[]]>([
    ["the active region is lost", serving(), [well, ...times(4, graGone)]],
    ["a blip is no failover", serving(), [well, ...times(2, graGone), well, ...times(2, graGone), well]],
    ["one node is lost", serving(), [well, ...times(4, { gra: "yellow" })]],
    ["an index is red", serving(), [well, ...times(4, { gra: "red" })]],
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
      "the watchdog doubts itself",
      serving(),
      [well, { ...graGone, selfDoubt: ["the process stood still for 9000 ms"] }, ...times(2, graGone)],
    ],
  ])("%s", async (name, start, rounds) => {
    await expect(tell(start, rounds)).toMatchFileSnapshot(`incidents/failover/${name.replaceAll(" ", "-")}.txt`);
  });
});
