import type { FirstSnapshot } from "../../core/state/observations.ts";
import type { WatchdogContext } from "../context.ts";

/** Without a record: which regions hold followers. Regions that do not answer are left out. */
export async function takeFirstSnapshots({ clusters }: WatchdogContext): Promise<readonly FirstSnapshot[]> {
  const snapshots = Object.values(clusters).map(async (cluster): Promise<readonly FirstSnapshot[]> => {
    try {
      const indices = await cluster.indices();
      const following = indices.filter((index) => index.following).map(({ name }) => name);
      return [{ region: cluster.region, following }];
    } catch {
      return [];
    }
  });
  return (await Promise.all(snapshots)).flat();
}
