import type { PreflightFindings } from "./findings.ts";

/**
 * The retention lease that lapses first, of those that followers have on the shards of the active region. A follower renews
 * its own about twice a minute, so one that has much less left than its period belongs to a follower that does not read.
 */
export interface LeaseEnd {
  readonly index: string;
  /** 0: it has lapsed, and the follower may need a full copy. */
  readonly remainingMs: number;
  readonly periodMs: number;
}

/** @returns null where it is not known, and without followers */
export function firstLeaseToEnd({ regions, active, followed, nowMs }: PreflightFindings): LeaseEnd | null {
  const region = active === null ? undefined : regions[active];
  if (region === undefined || "error" in region.leases || "error" in region.retention) return null;
  const periods = new Map(region.retention.value.map(({ index, periodMs }) => [index, periodMs]));
  const ends = region.leases.value.flatMap(({ index, renewedAtMs }): LeaseEnd[] => {
    const periodMs = periods.get(index);
    // Elasticsearch lists no lease that has lapsed.
    const hasLease = renewedAtMs !== null || followed.includes(index);
    if (periodMs === undefined || !hasLease) return [];
    const remainingMs = renewedAtMs === null ? 0 : renewedAtMs + periodMs - nowMs;
    return [{ index, remainingMs: Math.min(periodMs, Math.max(0, remainingMs)), periodMs }];
  });
  return ends.toSorted((a, b) => a.remainingMs - b.remainingMs)[0] ?? null;
}
