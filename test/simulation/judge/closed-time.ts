import type { System } from "../world/system.ts";
import { isCalm } from "./calm.ts";
import { summary } from "./evidence.ts";

const ROUND_MS = 200;
/** A drain or a catch-up, the steps after it, and two retries of a step that failed until now, 30 s apart. */
const CLOSED_MS_MAX = 75_000;

/** Invariant 13: no change keeps the routers closed for longer than its bound while the new region could serve. */
export function watchClosedTime(system: System): void {
  const { world } = system;
  let closedMs = 0;
  let epoch = 0;
  world.every(ROUND_MS, () => {
    const { record } = system;
    if (record?.phase !== "promoting" || record.epoch !== epoch) closedMs = 0;
    if (record?.phase !== "promoting") return;
    epoch = record.epoch;
    if (isCalm(system, [record.to === "gra" ? "gra" : "bhs"])) closedMs += ROUND_MS;
    if (closedMs > CLOSED_MS_MAX)
      world.report("13", `closed for ${closedMs} ms without a disturbance: ${summary(record)}`);
  });
}
