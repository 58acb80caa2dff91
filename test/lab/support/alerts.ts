import { setTimeout as delay } from "node:timers/promises";
import type { WitnessPrometheus } from "../../../lab/system/prometheus.ts";

/** Names of the alerts that fire now. */
export async function firingIn(prometheus: WitnessPrometheus): Promise<ReadonlySet<string>> {
  const found = await prometheus.query('ALERTS{alertstate="firing"}');
  return new Set(found.map(({ labels }) => labels["alertname"] ?? ""));
}

/** Waits until each of the alerts has fired. */
export async function untilFired(
  prometheus: WitnessPrometheus,
  alerts: readonly string[],
  withinMs: number,
): Promise<void> {
  const missing = new Set(alerts);
  await untilNone("these alerts have not fired", withinMs, async () => {
    for (const alert of await firingIn(prometheus)) missing.delete(alert);
    return [...missing];
  });
}

/** Waits until none of the alerts fires. */
export async function untilResolved(
  prometheus: WitnessPrometheus,
  alerts: readonly string[],
  withinMs: number,
): Promise<void> {
  await untilNone("these alerts still fire", withinMs, async () => {
    const firing = await firingIn(prometheus);
    return alerts.filter((alert) => firing.has(alert));
  });
}

/** Waits until every query has found something. */
export async function untilAnswered(
  prometheus: WitnessPrometheus,
  queries: readonly string[],
  withinMs: number,
): Promise<void> {
  const silent = new Set(queries);
  await untilNone("these queries find nothing", withinMs, async () => {
    for (const query of [...silent]) if ((await prometheus.query(query)).length > 0) silent.delete(query);
    return [...silent];
  });
}

/** Each question costs a process on the witness. */
const POLL_MS = 1_000;

/** @throws Error that names what is left */
async function untilNone(what: string, withinMs: number, left: () => Promise<readonly string[]>): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const remaining = await left();
    if (remaining.length === 0) return;
    if (performance.now() > deadlineMs) throw new Error(`within ${withinMs} ms, ${what}: ${remaining.join(", ")}`);
    await delay(POLL_MS);
  }
}
