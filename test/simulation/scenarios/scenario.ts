import { expect } from "vitest";
import type { WatchdogConfig } from "../../../watchdog/config/schema.ts";
import { createWatchdog } from "../../../watchdog/controller/watchdog.ts";
import type { StepKind } from "../../../watchdog/core/state/plan.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { SimSystem } from "../world/system.ts";

/** What scenarios are told with. */

/** A system whose standby is in sync and whose clients write ten times a second. */
export async function started(change?: (config: WatchdogConfig) => WatchdogConfig): Promise<SimSystem> {
  const system = new SimSystem(7, createWatchdog, change);
  system.world.every(100, () => {
    if (!system.clientWrites("logs-1")) system.clientCreates("logs-1", "logs-write");
    if (!system.clientWrites("logs-2")) system.clientCreates("logs-2", null);
  });
  system.startWatchdog();
  await runUntil(system, 20_000, (record) => record.phase === "serving" && record.standby === "in-sync");
  await system.world.runUntil(system.world.nowMs + 10_000);
  return system;
}

export const recordOf = ({ disk }: SimSystem): StateRecord => {
  const record = disk.stored?.record;
  if (record === undefined) throw new Error("no record");
  return record;
};

/** Whether a promotion, planned or not, has such a step with this status. */
export const isAtStep = (kind: StepKind, status: string) => (record: StateRecord) =>
  record.phase === "promoting" && record.plan.steps.some((step) => step.kind === kind && step.status === status);

/** Lets time pass until the record is as wanted; fails with the history when that takes longer than `withinMs`. */
export async function runUntil(
  system: SimSystem,
  withinMs: number,
  isThere: (record: StateRecord) => boolean,
): Promise<number> {
  const { world, disk } = system;
  const fromMs = world.nowMs;
  const reached = () => disk.stored !== null && isThere(disk.stored.record);
  await world.runUntil(fromMs + withinMs, reached);
  expect(reached(), system.log.join("\n")).toBe(true);
  return world.nowMs - fromMs;
}

/** The watchdog dies as soon as such a record stands on the disk, before it hears so. */
export function diesWhenWritten({ disk, process }: SimSystem, isFatal: (record: StateRecord) => boolean): void {
  if (process === null) throw new Error("no watchdog runs");
  process.onDeath = () => {};
  const { onWrite } = disk;
  disk.onWrite = (before, after, rule, by) => {
    onWrite(before, after, rule, by);
    if (by === process && isFatal(after)) process.diesAt = { call: 1, when: "after" };
  };
}

/** Does something once, as soon as such a record stands on the disk. */
export function whenWritten({ disk }: SimSystem, isIt: (record: StateRecord) => boolean, then: () => void): void {
  const { onWrite } = disk;
  disk.onWrite = (before, after, rule, by) => {
    onWrite(before, after, rule, by);
    if (!isIt(after)) return;
    disk.onWrite = onWrite;
    then();
  };
}
