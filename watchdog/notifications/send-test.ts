import type { Notification } from "../core/notifications/event.ts";
import type { Clock } from "../util/clock.ts";
import { messageOf } from "../util/errors.ts";
import type { TestOutcome } from "./report.ts";
import type { Target } from "./targets/target.ts";

/** Sends a test message to each of the targets now, once. */
export function sendTest(
  targets: readonly Target[],
  watchdog: string,
  clock: Pick<Clock, "nowMs">,
  signal: AbortSignal,
): Promise<readonly TestOutcome[]> {
  const event = testEvent(watchdog, clock.nowMs());
  return Promise.all(
    targets.map(async (target) => {
      const startedMs = clock.nowMs();
      const { name, kind } = target.settings;
      const error = await target.send(event, signal).then(() => null, messageOf);
      return { target: name, kind, tookMs: clock.nowMs() - startedMs, error };
    }),
  );
}

function testEvent(watchdog: string, atMs: number): Notification {
  return {
    id: `test-${atMs}`,
    kind: "test",
    severity: "info",
    atMs,
    watchdog,
    epoch: null,
    active: null,
    from: null,
    to: null,
    loss: null,
    title: `Test message of the watchdog ${watchdog}`,
    text: "An operator ran `es-failover notify --test`. Messages about failovers arrive in the same way.",
    next: "Nothing.",
    runbook: "docs/notifications.md",
  };
}
