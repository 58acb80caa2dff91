import type { Evidence } from "./evidence.ts";

/** Invariant 10: while nothing but etcd is disturbed, no open router refuses a request, and no region is given up. */
export function checkTraffic({ system, failovers }: Evidence): void {
  const { world, clients } = system;
  if (!system.isOnlyEtcdDisturbed) return;
  const [first] = clients.refused;
  if (first !== undefined) {
    const when = `from ${(first.atMs / 1_000).toFixed(1)} s on`;
    world.report("10", `only etcd was disturbed, but ${clients.refused.length} requests were refused, ${when}`);
  }
  if (failovers.length > 0) world.report("10", "only etcd was disturbed, but a region was given up");
}
