import { readInventory } from "../adapters/elasticsearch/inventory.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import { compareInventories, type DriftReport } from "../diagnostics/drift/compare.ts";
import { nodesOf } from "./clusters.ts";

/** Compares what both regions should have alike beside the indices. Changes nothing. */
export async function surveyDrift(loaded: LoadedConfig, active: RegionName, standby: RegionName): Promise<DriftReport> {
  const [ofActive, ofStandby] = await Promise.all(
    [active, standby].map(async (region) => ({ region, inventory: await readInventory(nodesOf(loaded, region)) })),
  );
  if (ofActive === undefined || ofStandby === undefined) throw new Error("there are two regions");
  return compareInventories(ofActive, ofStandby);
}
