import { SimEtcd } from "../world/etcd/etcd.ts";
import type { FileStore } from "../world/file-store.ts";
import { type Region, sitesOf } from "../world/layout.ts";
import type { Station } from "../world/station.ts";
import type { SimStore } from "../world/store.ts";
import type { System } from "../world/system.ts";

/** Whether nothing that a watchdog needs is disturbed: its host, its store, its network, and the clusters of `regions`. */
export function isCalm(
  { stations, store, network, layout, world, clusters }: System,
  regions: readonly Region[],
): boolean {
  const sites = sitesOf(layout);
  return (
    network.loss === 0 &&
    sites.every((a) => sites.every((b) => network.talk(a, b))) &&
    stations.every((station) => isWellStation(station, world.nowMs)) &&
    isWellStore(store) &&
    regions.every((region) => {
      const { probeLoss, slowMs, hangs, licenceLost, refusesPassword, refusesWrites, unfollow } =
        clusters[region].ailments;
      const isAnswering = probeLoss === 0 && slowMs === 0 && hangs === 0 && !licenceLost && !refusesPassword;
      return clusters[region].isWell() && refusesWrites === null && isAnswering && unfollow === "works";
    })
  );
}

const isWellStation = ({ process, router, isOff, clockUnsettledUntilMs }: Station, nowMs: number): boolean =>
  process?.isAlive === true &&
  process.diesAt === null &&
  !process.isFrozen &&
  !isOff &&
  nowMs >= clockUnsettledUntilMs &&
  !router?.isDeaf &&
  (router?.lateByMs ?? 0) === 0;

function isWellStore(store: SimStore): boolean {
  if (store instanceof SimEtcd) return store.down.size === 0 && store.slowMs === 0 && store.ambiguity === 0;
  const { slowMs, failures, slowCall } = store as FileStore;
  return slowMs === 0 && failures === 0 && slowCall === null;
}
