import { regions } from "../world/layout.ts";
import type { System } from "../world/system.ts";
import { AbsentLeaders } from "./absent-leaders.ts";
import { watchClosedTime } from "./closed-time.ts";
import { checkChange } from "./cluster-changes.ts";
import { checkEntries } from "./entries.ts";
import type { Evidence } from "./evidence.ts";
import { watchProtection } from "./protection.ts";
import { checkWrite } from "./record-writes.ts";
import { Truth } from "./truth.ts";

/**
 * Holds a system that has not started to the invariants of the design, by their numbers there: each violation is
 * reported to its world. Not included are those that only a history's end shows: `checkLedger`, `checkTraffic` and rest.
 */
export function judge(system: System): Evidence {
  const evidence: Evidence = {
    system,
    truth: new Truth(system),
    absentLeaders: new AbsentLeaders(system),
    highestEpoch: 0,
    verifications: [],
    failovers: [],
    switchovers: [],
  };
  system.world.check = () => checkEntries(evidence);
  system.store.cell.writing.listen((write) => checkWrite(evidence, write));
  for (const region of regions) {
    system.clusters[region].changing.listen(({ what, indices }) => checkChange(evidence, region, what, indices));
  }
  watchClosedTime(system);
  watchProtection(system);
  return evidence;
}
