import { expect, onTestFinished, test } from "vitest";
import { asSuperuser } from "../../lab/system/superuser.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { Traffic } from "../../lab/traffic/traffic.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { acknowledged, startTraffic } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { copySpeed, SLOW_BYTES_PER_SECOND } from "./support/copy-speed.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone, failBack } from "./support/operator.ts";

/** A leader index that is deleted, and made again by the next write: its follower has what the users deleted. */
export function recreatedTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("an index that is deleted and made again under load is protected again, and survives the loss of gra without what was deleted", {
    timeout: 420_000,
  }, async () => {
    const { system } = lab();
    const traffic = await startTraffic(lab(), "app-recreated");
    const made = await makeAgain(system, traffic, "app-recreated");
    await system.watchdogs.until("the new index is not protected", isUnprotected("app-recreated", made.atMs));
    await system.watchdogs.until(
      "the new index is protected",
      (status) =>
        status.replication?.inSync === true &&
        status.replication.observedAtMs > made.atMs &&
        !isUnprotected("app-recreated", made.atMs)(status),
    );
    await system.hosts.killElasticsearch("gra");
    await untilBhsServes(system);
    await acknowledged(traffic, 20);
    expect(await made.deletedThatAreServed()).toEqual([]);
    await traffic.stop();
    await comesHome(system, made, applications());
  });

  test("gra lost before such an index is protected again: the others serve, it is named, and nothing that was deleted is served", {
    timeout: 420_000,
  }, async () => {
    const { system, router } = lab();
    const index = "app-recreated-late";
    const traffic = await startTraffic(lab(), index);
    onTestFinished(() => copySpeed(system, "bhs", null));
    await copySpeed(system, "bhs", SLOW_BYTES_PER_SECOND);
    const made = await makeAgain(system, traffic, index);
    await system.watchdogs.until("the new index is not protected", isUnprotected(index, made.atMs));
    expect(await esFailoverDone(system, router, "status")).toContain(index);

    await system.hosts.killElasticsearch("gra");
    const { record } = await untilBhsServes(system);
    await acknowledged(applications().bhs, 20);
    expect(record?.lastFailover?.missingIndices).toEqual([index]);
    expect(await esFailoverDone(system, router, "status")).toMatch(new RegExp(`missing +bhs lacks .*${index}`));
    expect(await made.deletedThatAreServed()).toEqual([]);
    await traffic.stop();

    await copySpeed(system, "bhs", null);
    await comesHome(system, made, applications());
  });
}

/** gra is back and serves: what was deleted stays so, and of what was written since nothing is missing. */
async function comesHome(system: TwoRegions, made: MadeAgain, applications: BothEntries): Promise<void> {
  await system.hosts.startElasticsearch("gra");
  await failBack(system);
  await applications.served();
  expect(await made.deletedThatAreServed()).toEqual([]);
  expect(await made.missingOfNew()).toEqual([]);
  expect(await applications.missing()).toEqual(noneMissing);
}

interface MadeAgain {
  /** When the deletion was answered. */
  readonly atMs: number;
  /** Writes to the deleted index that can be read. */
  deletedThatAreServed(): Promise<readonly string[]>;
  /** Acknowledged writes to the new index that cannot be read. */
  missingOfNew(): Promise<readonly string[]>;
}

/** Deletes an index of gra while an application writes to it, which makes it again. */
async function makeAgain(system: TwoRegions, traffic: Traffic, index: string): Promise<MadeAgain> {
  const deleted = [...traffic.ledger.acknowledged.keys()];
  await asSuperuser(system, "gra", { method: "DELETE", path: `/${index}` });
  const atMs = Date.now();
  await acknowledged(traffic, 20);
  return {
    atMs,
    deletedThatAreServed: async () => {
      const missing = new Set((await traffic.verify()).missing);
      return deleted.filter((id) => !missing.has(id));
    },
    missingOfNew: async () => {
      // The first of each writer may have been under way to the old index as that was deleted.
      const fresh = new Set(traffic.ledger.acknowledgedSince(atMs));
      for (const [first = ""] of Map.groupBy(fresh, writerOf).values()) fresh.delete(first);
      return (await traffic.verify()).missing.filter((id) => fresh.has(id));
    },
  };
}

/** "w1-17" is the seventeenth write of writer 1. */
const writerOf = (id: string): string => id.replace(/-.*/, "");

/** Whether it is seen, later than this, that nothing has the index in its place yet. A follower that lags is another matter. */
const isUnprotected =
  (index: string, sinceMs: number) =>
  ({ replication }: WatchdogStatus): boolean =>
    (replication?.observedAtMs ?? 0) > sinceMs &&
    replication?.unprotected.some((each) => each.index === index && lacksIt.test(each.reason)) === true;

const lacksIt = /its leader was recreated|is not followed|is still being copied/;

const untilBhsServes = (system: TwoRegions): Promise<WatchdogStatus> =>
  system.watchdogs.until("bhs serves", ({ record }) => record?.phase === "serving" && record.active === "bhs");
