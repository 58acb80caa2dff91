import type { Region } from "../../../lab/system/configuration.ts";
import { asSuperuser } from "../../../lab/system/superuser.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** Even the 200 bytes of an index without a commit take longer than a test needs them to. */
export const SLOW_BYTES_PER_SECOND = 1;

/** Bounds all first copies to each node of a region together; null for none but Elasticsearch's own. */
export async function copySpeed(system: TwoRegions, region: Region, bytesPerSecond: number | null): Promise<void> {
  const persistent = { "lab_ccr.copy_bytes_per_second": bytesPerSecond };
  await asSuperuser(system, region, { path: "/_cluster/settings", body: { persistent } });
}
