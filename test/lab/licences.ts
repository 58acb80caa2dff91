import { expect, onTestFinished, test } from "vitest";
import { regions, stacks } from "../../lab/system/configuration.ts";
import { asSuperuser } from "../../lab/system/superuser.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { longestOutageMs } from "./support/application.ts";
import type { BothEntries } from "./support/both-entries.ts";
import { checks, type LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone } from "./support/operator.ts";
import { rolesOf, untilServersUp, untilSite } from "./support/watching.ts";

/** Checks after which a region would have been counted as lost, and HAProxy would have dropped its nodes. */
const ENOUGH_CHECKS = checks.failThreshold + 2;
const HICCUP_MS = 5_000;

/** What Elasticsearch refuses without a licence, while its nodes serve (invariant 16). */
export function licenceTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  test("licences that lapse in both regions close no entry, every watchdog names them, and protection returns with them", {
    timeout: 300_000,
  }, async () => {
    const { system, router } = lab();
    const clients = applications();
    const before = rolesOf(await system.watchdogs.status());
    onTestFinished(() => setLapsed(system, false));
    const lapsedAtMs = Date.now();
    await setLapsed(system, true);
    const isHealthyWithout = ({ regions: all }: WatchdogStatus) =>
      all.every(
        ({ licence, health: { state, lastProbe, successesInARow } }) =>
          licence?.active === false &&
          state === "healthy" &&
          lastProbe?.reachable === true &&
          lastProbe.licenceLapsed &&
          successesInARow >= ENOUGH_CHECKS,
      );
    for (const site of stacks)
      await untilSite(system, site, "has both regions healthy without licence", isHealthyWithout);
    for (const region of regions) await untilServersUp(system, region, 3, 10_000);
    await clients.served();
    const told = await esFailoverDone(system, router, "status");
    for (const region of regions)
      expect(told).toMatch(new RegExp(`licence +the trial licence of ${region} is not active: it lapsed`));
    for (const traffic of [clients.gra, clients.bhs]) {
      expect(longestOutageMs(traffic, lapsedAtMs)).toBeLessThan(HICCUP_MS);
    }

    await setLapsed(system, false);
    expect(rolesOf(await system.watchdogs.untilInSync())).toEqual(before);
    expect(clients.regionsInOrder(lapsedAtMs)).toEqual(["gra"]);
  });
}

async function setLapsed(system: TwoRegions, lapsed: boolean): Promise<void> {
  const body = { persistent: { "lab_licence.lapsed": lapsed || null } };
  for (const region of regions) await asSuperuser(system, region, { path: "/_cluster/settings", body });
}
