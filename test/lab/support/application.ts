import { onTestFinished } from "vitest";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import type { Traffic } from "../../../lab/traffic/traffic.ts";
import { until } from "../../../lab/util/until.ts";
import type { LabUnderTest } from "./lab-under-test.ts";
import type { Questions } from "./questions.ts";

/** What `account` says when every acknowledged write is there. */
export const nothingLost = { accounted: true, missing: [] };

/** An application at work on an index of its own by way of bhs's entry, with bhs following; ended when the test is. */
export async function startTraffic({ system, questions }: LabUnderTest, index: string): Promise<Traffic> {
  const traffic = await system.traffic(index);
  onTestFinished(() => traffic.close());
  await acknowledged(traffic, 50);
  await untilFollowed(system, questions, index);
  return traffic;
}

/** Waits for so many more acknowledged writes. */
export async function acknowledged(traffic: Traffic, writes: number, withinMs = 60_000): Promise<void> {
  let count = 0;
  await traffic.next("write-acknowledged", withinMs, () => ++count === writes);
}

/** Waits until the standby follows an index that the application has just made, and is in sync. */
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

/** The longest time without an acknowledged write since a moment, up to the last one acknowledged; milliseconds. */
export function longestOutageMs({ ledger }: Traffic, sinceMs: number): number {
  const untilMs = ledger.lastAcknowledgedMs ?? sinceMs;
  const outage = ledger.longestOutage(sinceMs, untilMs);
  return (outage.toMs ?? untilMs) - outage.fromMs;
}

/** Ends the load and says which acknowledged writes are missing, and how many were looked for. */
export async function account(
  traffic: Traffic,
): Promise<{ readonly accounted: boolean; readonly missing: readonly string[] }> {
  await traffic.stop();
  const { found, missing } = await traffic.verify();
  return { accounted: found + missing.length === traffic.ledger.acknowledged.size, missing };
}
