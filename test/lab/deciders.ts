import { expect, onTestFinished, test } from "vitest";
import type { Region } from "../../lab/system/configuration.ts";
import type { TwoRegions } from "../../lab/system/two-regions.ts";
import type { PlanKind, StepKind } from "../../watchdog/core/state/plan.ts";
import { promotionSteps } from "../promotion-steps.ts";
import { acknowledged } from "./support/application.ts";
import { type BothEntries, noneMissing } from "./support/both-entries.ts";
import { DeciderKillers } from "./support/decider-killers.ts";
import type { LabUnderTest } from "./support/lab-under-test.ts";
import { esFailoverDone, replayAll } from "./support/operator.ts";

/** Each takes the leadership's lease to run out, ten seconds, on top of the step. */
const PATIENCE_MS = 300_000;

/** Steps that have something to do in the lab, which has neither write aliases nor data streams. */
const stepsOfPromotion = promotionSteps.filter((kind) => kind !== "write-aliases" && kind !== "data-streams");
const rejoinSteps = ["fence", "pause-auto-follow", "salvage", "clear"] as const;
/**
 * Those that a promotion does not have, and those from which there is no way back. More of them before that would make
 * writers wait for longer than a switchover lets them, so it would be undone.
 */
const switchoverSteps = ["block-writes", "catch-up", "unfollow", "open", "verify"] as const;

/** Until a region serves and its standby is in sync, as far as wanted. */
async function untilServing(system: TwoRegions, region: Region, standby?: "in-sync"): Promise<void> {
  await system.watchdogs.until(
    `${region} serves, ${standby === undefined ? "whatever the standby is" : "with its standby in sync"}`,
    ({ record }) =>
      record?.phase === "serving" && record.active === region && record.standby === (standby ?? record.standby),
    PATIENCE_MS,
  );
}

/** Does something that begins a plan, and kills whoever carries it out at each of these steps. */
async function killingAt(
  system: TwoRegions,
  plan: PlanKind,
  steps: readonly StepKind[],
  change: () => Promise<void>,
): Promise<DeciderKillers> {
  const killers = await DeciderKillers.arm(system, plan, steps);
  onTestFinished(() => killers.disarm());
  await change();
  await killers.disarm();
  return killers;
}

/** The decider killed at each step of each plan: another one finishes it (invariant 6), and nothing is lost. */
export function deciderTests(lab: () => LabUnderTest, applications: () => BothEntries): void {
  const expectFinished = (killers: DeciderKillers, steps: readonly StepKind[]) => {
    expect(killers.killed.map(({ step }) => step)).toEqual(steps);
    for (const [n, { host }] of killers.killed.entries()) expect(host).not.toBe(killers.killed[n - 1]?.host);
  };
  let beganAtMs = 0;

  test("a promotion whose decider is killed at each step is finished by others", { timeout: 360_000 }, async () => {
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

  test("a rejoin whose decider is killed at each step is finished by others, with all that gra alone held salvaged", {
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

  test("a switchover whose decider is killed at its steps is finished by others, and loses nothing", {
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
