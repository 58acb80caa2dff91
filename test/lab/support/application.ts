import { onTestFinished } from "vitest";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { Traffic } from "../../../lab/traffic/traffic.ts";
import { until } from "../../../lab/util/until.ts";
import type { LabUnderTest } from "./lab-under-test.ts";
import type { Questions } from "./questions.ts";

/** The result of `account` when every acknowledged write exists. */
export const nothingLost = { accounted: true, missing: [] };

/** An application that writes to an index of its own through bhs's entry, with bhs following; ends with the test. */
export async function startTraffic({ system, questions }: LabUnderTest, index: string): Promise<Traffic> {
  const traffic = await system.traffic(index);
  onTestFinished(() => traffic.close());
  await acknowledged(traffic, 50);
  await untilFollowed(system, questions, index);
  return traffic;
}

/** Waits for this many further acknowledged writes. */
export async function acknowledged(traffic: Traffic, writes: number, withinMs = 60_000): Promise<void> {
  let count = 0;
  await traffic.next("write-acknowledged", withinMs, () => ++count === writes);
}

/** Waits until the standby follows a new index and is in sync. */
export async function untilFollowed(system: TwoRegions, questions: Questions, index: string): Promise<void> {
  await until(`bhs follows ${index}`, 60_000, async () => {
    return (await questions.followersIn("bhs")).some(({ name, status }) => name === index && status === "active");
  });
  const sinceMs = Date.now();
  await system.watchdogs.until(
    `the standby, with ${index}, is in sync`,
    ({ record, replication }) =>
      record?.phase === "serving" &&
      record.standby === "in-sync" &&
      replication?.inSync === true &&
      replication.observedAtMs > sinceMs,
  );
}

/** The longest time without an acknowledged write from a moment to the last one acknowledged, in milliseconds. */
export function longestOutageMs({ ledger }: Traffic, sinceMs: number): number {
  const untilMs = ledger.lastAcknowledgedMs ?? sinceMs;
  const outage = ledger.longestOutage(sinceMs, untilMs);
  return (outage.toMs ?? untilMs) - outage.fromMs;
}

/** Ends the load. @returns the missing acknowledged writes, and whether all were searched for */
export async function account(
  traffic: Traffic,
): Promise<{ readonly accounted: boolean; readonly missing: readonly string[] }> {
  await traffic.stop();
  const { found, missing } = await traffic.verify();
  return { accounted: found + missing.length === traffic.ledger.acknowledged.size, missing };
}
