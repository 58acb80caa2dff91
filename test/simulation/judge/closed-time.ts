import { type Region, regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import { isCalm } from "./calm.ts";
import { summary } from "./evidence.ts";

const ROUND_MS = 200;
/** Beyond the bound: until a region that has come back counts as healthy, and attempts of a step with their pauses. */
const BEYOND_BOUND_MS = 40_000;

/**
 * Invariant 13: no change keeps the routers closed for longer than its bound while a region could serve: the new one, with
 * what can be promoted, or the old one.
 */
export function watchClosedTime(system: System): void {
  const { world, config } = system;
  const limitMs = Math.max(config.promotion.maxStuckMs, config.switchover.maxWritePauseMs) + BEYOND_BOUND_MS;
  const calmMs: Record<Region, number> = { gra: 0, bhs: 0 };
  world.every(ROUND_MS, () => {
    const { record } = system;
    for (const region of regions) {
      const isClosed = record !== null && record.phase !== "serving";
      const couldServe =
        isClosed && isCalm(system, [region]) && (region === record.from || isPromotable(system, region));
      calmMs[region] = couldServe ? calmMs[region] + ROUND_MS : 0;
      if (!isClosed || calmMs[region] <= limitMs) continue;
      world.report("13", `closed although ${region} could serve for ${calmMs[region]} ms: ${summary(record)}`);
    }
  });
}

/** Whether at least one index can be promoted. */
const isPromotable = ({ clusters, world }: System, region: Region): boolean =>
  [...clusters[region].indices.values()].some(
    ({ copy, snapshotUntilMs }) => copy === null && snapshotUntilMs <= world.nowMs,
  );
