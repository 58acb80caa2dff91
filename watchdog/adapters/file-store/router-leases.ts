import type { RouterLease } from "../../core/state/observations.ts";
import type { Clock } from "../../util/clock.ts";

export interface RouterLeases {
  renew(router: string): { readonly validForMs: number };
  acknowledge(router: string, epoch: number): void;
  current(): readonly RouterLease[];
}

/**
 * Leases of the routers beside one watchdog, in its memory. Because a restart loses them, a router that may still route
 * under an earlier ticket counts as holding a lease for a full time to live after the start.
 */
export function createRouterLeases(
  clock: Pick<Clock, "monotonicMs">,
  ttlMs: number,
  assumedAtStart: readonly string[],
): RouterLeases {
  const leases = new Map(
    assumedAtStart.map((router) => [router, { untilMs: clock.monotonicMs() + ttlMs, acknowledgedEpoch: 0 }]),
  );
  return {
    renew: (router) => {
      const acknowledgedEpoch = leases.get(router)?.acknowledgedEpoch ?? 0;
      leases.set(router, { untilMs: clock.monotonicMs() + ttlMs, acknowledgedEpoch });
      return { validForMs: ttlMs };
    },
    acknowledge: (router, epoch) => {
      const lease = leases.get(router);
      if (lease !== undefined) lease.acknowledgedEpoch = Math.max(lease.acknowledgedEpoch, epoch);
    },
    current: () =>
      [...leases]
        .filter(([, { untilMs }]) => untilMs > clock.monotonicMs())
        .map(([router, { acknowledgedEpoch }]) => ({ router, acknowledgedEpoch })),
  };
}
