import { timingViolations } from "../watchdog/config/timing.ts";
import type { StackConfig } from "./config/schema.ts";

/**
 * How long tickets, leases, calls and elections take, by profile. The inequalities between them are the watchdog's
 * (watchdog/config/timing.ts); each step of them is there so that a router that loses its watchdog, its store or its
 * region closes before anybody else may open.
 */
interface Timings {
  readonly router: { readonly ticketValidityMs: number; readonly ticketRenewalMs: number };
  readonly leases: { readonly ttlMs: number; readonly marginMs: number };
  readonly store: {
    readonly hedgeAfterMs: number;
    readonly deadlineMs: number;
    readonly electionTimeoutMs: number;
  };
  readonly failsafe: { readonly timeoutMs: number };
  readonly etcd: { readonly heartbeatMs: number };
}

const profiles: Readonly<Record<StackConfig["checks"]["profile"], Timings>> = {
  // For members 80 to 100 ms apart: a heartbeat of about two round trips, and ten of them until an election.
  standard: {
    router: { ticketValidityMs: 6_000, ticketRenewalMs: 2_000 },
    leases: { ttlMs: 10_000, marginMs: 2_000 },
    store: { hedgeAfterMs: 1_000, deadlineMs: 3_000, electionTimeoutMs: 2_000 },
    failsafe: { timeoutMs: 1_000 },
    etcd: { heartbeatMs: 200 },
  },
  // A lease may be no shorter than 1.5 elections; so the election is as short as one round trip allows.
  fast: {
    router: { ticketValidityMs: 4_000, ticketRenewalMs: 1_000 },
    leases: { ttlMs: 5_000, marginMs: 1_000 },
    store: { hedgeAfterMs: 1_000, deadlineMs: 2_000, electionTimeoutMs: 1_000 },
    failsafe: { timeoutMs: 1_000 },
    etcd: { heartbeatMs: 100 },
  },
};

type TimingSettings = Pick<StackConfig, "checks" | "router" | "leases">;

/** The profile's timings with what a user has set in their place. */
export function timingsOf({ checks, router, leases }: TimingSettings): Timings {
  const profile = profiles[checks.profile];
  return {
    ...profile,
    router: {
      ticketValidityMs: router.ticketValidityMs ?? profile.router.ticketValidityMs,
      ticketRenewalMs: router.ticketRenewalMs ?? profile.router.ticketRenewalMs,
    },
    leases: {
      ttlMs: leases.ttlMs ?? profile.leases.ttlMs,
      marginMs: leases.marginMs ?? profile.leases.marginMs,
    },
  };
}

/** One sentence for each timing rule that a configuration breaks, with the numbers. */
export function brokenTimingRules(config: TimingSettings & Pick<StackConfig, "witness">): readonly string[] {
  const { router, leases, store, failsafe } = timingsOf(config);
  const several = config.witness !== null;
  return timingViolations({
    checks: config.checks,
    router: { ...socketsOfNoMatter, ...router },
    leases,
    // Only the timings are looked at.
    store: several
      ? { ...store, kind: "etcd", endpoints: [], ...filesOfNoMatter, username: "", passwordFile: "", prefix: "" }
      : { kind: "file", directory: "" },
    failsafe: several ? { ...failsafe, ...filesOfNoMatter, listen: "", url: "" } : null,
  });
}

const socketsOfNoMatter = { adminSocket: "", masterSocket: "", configFile: "", ticketMapFile: "" };
const filesOfNoMatter = { caFile: "", certificateFile: "", keyFile: "" };
