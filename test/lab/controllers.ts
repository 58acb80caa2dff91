import { expect, onTestFinished, test } from "vitest";
import type { Region } from "../../lab/system/configuration.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { PlanKind, StepKind } from "../../watchdog/core/state/plan.ts";
import { promotionSteps } from "../promotion-steps.ts";
import { acknowledged } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { ControllerKillers } from "./support/controller-killers.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone, replayAll } from "./support/operator.ts";

/** Each step takes another ten seconds, until the lease of the leadership expires. */
const PATIENCE_MS = 300_000;

/** Steps with work to do: the lab has neither write aliases nor data streams. */
const stepsOfPromotion = promotionSteps.filter((kind) => kind !== "write-aliases" && kind !== "data-streams");
const rejoinSteps = ["fence", "pause-auto-follow", "salvage", "clear"] as const;
/**
 * Steps that a promotion does not have, and those after the point of no return. With more kills before that point the
 * writers would wait longer than a switchover may take, and it would be undone.
 */
const switchoverSteps = ["block-writes", "catch-up", "unfollow", "open", "verify"] as const;

/** Waits until a region serves and, if wanted, its standby is in sync. */
async function untilServing(system: TwoRegions, region: Region, standby?: "in-sync"): Promise<void> {
  await system.watchdogs.until(
    `${region} serves, ${standby === undefined ? "with a standby in any state" : "with its standby in sync"}`,
    ({ record }) =>
      record?.phase === "serving" && record.active === region && record.standby === (standby ?? record.standby),
    PATIENCE_MS,
  );
}

/** Makes a change that begins a plan, and kills the controller at each of these steps. */
async function killingAt(
  system: TwoRegions,
  plan: PlanKind,
  steps: readonly StepKind[],
  change: () => Promise<void>,
): Promise<ControllerKillers> {
  const killers = await ControllerKillers.arm(system, plan, steps);
  onTestFinished(() => killers.disarm());
  await change();
  await killers.disarm();
  return killers;
}

/** With the controller killed at each step of each plan, another one finishes it (invariant 6), and nothing is lost. */
export function controllerTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  const expectFinished = (killers: ControllerKillers, steps: readonly StepKind[]) => {
    expect(killers.killed.map(({ step }) => step)).toEqual(steps);
    for (const [n, { host }] of killers.killed.entries()) expect(host).not.toBe(killers.killed[n - 1]?.host);
  };
  let beganAtMs = 0;

  test("a promotion whose controller is killed at each step is finished by other watchdogs", {
    timeout: 360_000,
  }, async () => {
    const { system } = lab();
    beganAtMs = Date.now();
    await applications().served();
    const killers = await killingAt(system, "promotion", stepsOfPromotion, async () => {
      await system.hosts.killElasticsearch("gra");
      await untilServing(system, "bhs");
    });
    expectFinished(killers, stepsOfPromotion);
    await acknowledged(applications().bhs, 20);
    expect(applications().regionsInOrder(beganAtMs)).toEqual(["gra", "bhs"]);
  });

  test("a rejoin whose controller is killed at each step is finished by other watchdogs, after what only gra had was salvaged", {
    timeout: 360_000,
  }, async () => {
    const { system } = lab();
    const killers = await killingAt(system, "rejoin", rejoinSteps, async () => {
      await system.hosts.startElasticsearch("gra");
      await untilServing(system, "bhs", "in-sync");
    });
    expectFinished(killers, rejoinSteps);
    expect(await replayAll(system)).toBeGreaterThan(0);
    expect(await applications().missing()).toEqual(noneMissing);
  });

  test("a switchover whose controller is killed at its steps is finished by other watchdogs, and loses nothing", {
    timeout: 360_000,
  }, async () => {
    const { system, router } = lab();
    await esFailoverDone(system, router, "ack");
    const killers = await killingAt(system, "switchover", switchoverSteps, async () => {
      await esFailoverDone(system, router, "switchover", "--to", "gra", "--yes", "--wait", "0");
      await untilServing(system, "gra");
    });
    expectFinished(killers, switchoverSteps);
    await untilServing(system, "gra", "in-sync");
    await applications().served();
    expect(applications().regionsInOrder(beganAtMs)).toEqual(["gra", "bhs", "gra"]);
    expect(await applications().missing()).toEqual(noneMissing);
  });
}
