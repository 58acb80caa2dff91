/**
 * Timings by profile: the one source of defaults for the watchdog, for provisioning and for the members of etcd.
 *
 * The rules between them are in timing.ts. Each makes sure that a router which loses its watchdog, its store or its
 * region closes before another region may open.
 */
export interface Timings {
  readonly checks: {
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly failThreshold: number;
    readonly recoveryThreshold: number;
  };
  readonly router: { readonly ticketValidityMs: number; readonly ticketRenewalMs: number };
  readonly leases: { readonly ttlMs: number; readonly marginMs: number };
  readonly store: { readonly hedgeAfterMs: number; readonly deadlineMs: number; readonly electionTimeoutMs: number };
  readonly failsafe: { readonly timeoutMs: number };
  readonly etcd: { readonly heartbeatMs: number };
}

export const profileNames = ["standard", "fast"] as const;
export type ProfileName = (typeof profileNames)[number];

/** `fast` detects a loss sooner and tolerates shorter disturbances only; it suits drills and labs. */
export const profiles = {
  // For members 80 to 100 ms apart: a heartbeat of about two round trips, and ten heartbeats until an election.
  standard: {
    checks: { intervalMs: 10_000, timeoutMs: 5_000, failThreshold: 3, recoveryThreshold: 5 },
    router: { ticketValidityMs: 6_000, ticketRenewalMs: 2_000 },
    leases: { ttlMs: 10_000, marginMs: 2_000 },
    store: { hedgeAfterMs: 1_000, deadlineMs: 3_000, electionTimeoutMs: 2_000 },
    failsafe: { timeoutMs: 1_000 },
    etcd: { heartbeatMs: 200 },
  },
  // A lease lasts at least 1.5 elections, so the election is as short as one round trip allows.
  fast: {
    checks: { intervalMs: 1_000, timeoutMs: 800, failThreshold: 3, recoveryThreshold: 5 },
    router: { ticketValidityMs: 4_000, ticketRenewalMs: 1_000 },
    leases: { ttlMs: 5_000, marginMs: 1_000 },
    store: { hedgeAfterMs: 1_000, deadlineMs: 2_000, electionTimeoutMs: 1_000 },
    failsafe: { timeoutMs: 1_000 },
    etcd: { heartbeatMs: 100 },
  },
} as const satisfies Readonly<Record<ProfileName, Timings>>;
