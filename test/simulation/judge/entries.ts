import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { type Evidence, summary } from "./evidence.ts";

/** Invariant 1, after every event: at most one region takes writes, and it is the one of the record. */
export function checkEntries(evidence: Evidence): void {
  const { system } = evidence;
  check(evidence, "a router is open to", system.openRegions());
  check(evidence, "applications are sent to", system.namedRegions());
}

function check({ system, highestEpoch }: Evidence, what: string, regions: readonly string[]): void {
  const { world, record } = system;
  if (regions.length > 1) world.report("1", `${what} ${regions.join(" and ")} at once`);
  // A store that lost its record is no measure: routers know a higher epoch.
  if (record === null || record.epoch < highestEpoch) return;
  for (const region of regions) {
    if (region !== mayBeOpen(record)) world.report("1", `${what} ${region} while the record says ${summary(record)}`);
  }
}

/** The only region that a router may be open to. */
function mayBeOpen(record: StateRecord): string | null {
  switch (record.phase) {
    case "serving":
      return record.active;
    case "closing":
      return record.from;
    case "promoting":
      return null;
    default:
      throw new Error(`unknown phase in ${JSON.stringify(record satisfies never)}`);
  }
}
