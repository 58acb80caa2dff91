import type { Entry } from "../../../watchdog/core/ports/entry.ts";
import type { CanaryAnswer } from "../../../watchdog/core/state/canary.ts";
import type { SimCluster } from "./cluster/cluster.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";
import type { Station } from "./station.ts";
import type { World } from "./world.ts";

interface EntrySystem {
  readonly world: World;
  readonly network: Network;
  cluster(region: string): SimCluster;
}

/** The entry of a station, for canaries: what its router and the region behind it answer. They leave no document. */
export const entryPort = (system: EntrySystem, station: Station, process: Process): Entry => ({
  canary: () =>
    new Promise((resolve) => {
      const { world, network } = system;
      const { timeoutMs } = station.config.canary;
      const region = station.router?.route() ?? null;
      const thereMs = region === null ? 0 : network.latencyMs(station.site, region === "gra" ? "gra" : "bhs");
      const isLost = thereMs === null || thereMs * 2 > timeoutMs;
      world.after(isLost ? timeoutMs : thereMs * 2, () => {
        process.deliver(() => resolve(region === null ? { kind: "closed" } : answerOf(system, region, isLost)));
      });
    }),
});

function answerOf(system: EntrySystem, region: string, isLost: boolean): CanaryAnswer {
  const cluster = system.cluster(region);
  const { refusesWrites, refusesCanary } = cluster.ailments;
  const failed = (cause: Extract<CanaryAnswer, { kind: "failed" }>["cause"]) =>
    ({ kind: "failed", cause, error: cause, region }) as const;
  if (isLost) return failed("timeout");
  if (!cluster.isUp()) return failed("unavailable");
  if (refusesCanary) return failed("forbidden");
  if (refusesWrites !== null) return failed(refusesWrites);
  return cluster.isWell() ? { kind: "accepted", region } : failed("unavailable");
}
