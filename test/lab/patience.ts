import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { HistoryEntry } from "../../watchdog/core/state/history.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone, failBack } from "./support/operator.ts";
import { rolesOf } from "./support/watching.ts";

/** How long the lines are bad, or the primary fails and returns. */
const DISTURBED_MS = 120_000;

/** Bad lines without a loss, and a region that is lost repeatedly (invariant 8). */
export function patienceTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("two minutes of 5 % packet loss and 300 ms of jitter between the sites cause no failover", {
    timeout: 300_000,
  }, async () => {
    const { system } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    const setAll = async (change: { readonly jitterMs: number; readonly lossPercent: number }) => {
      await system.lab.wan.set("gra", "bhs", change);
      await system.lab.wan.set("gra", "witness", change);
      await system.lab.wan.set("bhs", "witness", change);
    };
    onTestFinished(() => setAll({ jitterMs: 0, lossPercent: 0 }));
    const sinceMs = Date.now();
    await setAll({ jitterMs: 300, lossPercent: 5 });
    await sleep(DISTURBED_MS);
    await setAll({ jitterMs: 0, lossPercent: 0 });
    await clients.served();
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(clients.regionsInOrder(sinceMs)).toEqual(["gra"]);
  });

  test("a primary that fails and returns for two minutes causes one failover, and no write is lost for good", {
    timeout: 420_000,
  }, async () => {
    const { system, questions, router } = lab();
    const clients = applications();
    const nodes = await questions.nodesOf("gra");
    const each = (change: (node: string) => Promise<void>) => Promise.all(nodes.map(change));
    onTestFinished(async () => void (await each((node) => system.lab.thaw(node))));
    const sinceMs = Date.now();
    for (const [goneMs, backMs] of alternating) {
      if (Date.now() - sinceMs > DISTURBED_MS) break;
      await each((node) => system.lab.freeze(node));
      await sleep(goneMs);
      await each((node) => system.lab.thaw(node));
      await sleep(backMs);
    }
    const entries = JSON.parse(await esFailoverDone(system, router, "history", "--json", "--limit", "1000"));
    const changes = (entries as readonly HistoryEntry[]).filter(
      ({ atMs, rule }) => atMs > sinceMs && rule === "promotion-done",
    );
    expect(changes.length).toBe(1);
    await clients.served();
    await failBack(system);
    await clients.served();
    expect(clients.regionsInOrder(sinceMs)).toEqual(["gra", "bhs", "gra"]);
    expect(await clients.missing()).toEqual(noneMissing);
  });
}

/** Milliseconds away and back, in turn: too short to notice, long enough to count as lost, back for long enough to count as healthy. */
const alternating: readonly (readonly [goneMs: number, backMs: number])[] = [
  [4_000, 4_000],
  [6_000, 3_000],
  [14_000, 6_000],
  [16_000, 8_000],
  [5_000, 4_000],
  [12_000, 10_000],
  [16_000, 4_000],
  [10_000, 6_000],
];
