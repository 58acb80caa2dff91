import { expect, test } from "vitest";
import { soleCoordination } from "../../watchdog/controller/sole-coordination.ts";
import type { WatchdogReport } from "../../watchdog/core/state/report.ts";
import { VirtualTime } from "./support/virtual-time.ts";

test("a watchdog alone is the controller, sees its own report, and is the only member", async () => {
  const time = new VirtualTime();
  const alone = soleCoordination(time);
  await time.runUntil(5_000);
  const campaign = await alone.campaign();
  expect(campaign.leading && campaign.untilMonotonicMs).toBeGreaterThan(5_000);
  expect(await alone.reports()).toEqual([]);
  const sighting: WatchdogReport = {
    watchdog: "w",
    site: "gra",
    regions: {},
    atMs: time.nowMs(),
    epoch: null,
    copy: null,
  };
  await alone.publish(sighting);
  expect(await alone.reports()).toEqual([sighting]);
  const self = { name: "w", site: "gra", router: "w", failsafeUrl: "https://192.168.1.11:9443/failsafe" };
  await alone.register(self);
  expect(await alone.members()).toEqual([self]);
  await alone.forget("w");
  expect(await alone.members()).toEqual([]);
});
