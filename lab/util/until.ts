import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;
const PATIENT_POLL_MS = 100;

/** Polls a condition every 20 ms until it holds. @throws Error after `timeoutMs`, and whatever the condition throws */
export async function until(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Not within ${timeoutMs} ms: ${what}.`);
    await delay(POLL_MS);
  }
}

/**
 * Polls a condition every 100 ms until it holds, for conditions that ask a server which may not answer yet: a rejection
 * counts as "not yet".
 *
 * @param what names the condition; a function is called when time is up
 * @throws Error after `timeoutMs`, with the last rejection as its cause
 */
export async function eventually(
  what: string | (() => string),
  timeoutMs: number,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadlineMs) {
      const condition = typeof what === "string" ? what : what();
      throw new Error(`Not within ${timeoutMs} ms: ${condition}.`, { cause });
    }
    await delay(PATIENT_POLL_MS);
  }
}
