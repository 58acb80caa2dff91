import { createSurvey } from "../adapters/elasticsearch/survey.ts";
import type { RegionName } from "../config/address.ts";
import type { LoadedConfig } from "../config/load.ts";
import { nodesOf } from "./clusters.ts";

/**
 * Bytes of the primaries of a region's managed indices: what a full copy of them transfers.
 *
 * @throws ClusterError when the region does not answer
 */
export async function managedPrimaryBytes(loaded: LoadedConfig, region: RegionName): Promise<number> {
  const survey = createSurvey(nodesOf(loaded, region), loaded.config.replication);
  try {
    return (await survey.storage()).managedPrimaryBytes;
  } finally {
    await survey.close();
  }
}
