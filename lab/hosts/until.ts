import { setTimeout as delay } from "node:timers/promises";

/** Waits until a condition holds, looking every 20 ms; fails when it does not within `timeoutMs`. */
export async function until(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
    await delay(20);
  }
}
