import type { WatchdogConfig } from "./schema.ts";

/** The part of the configuration that the timing rules speak of. */
export type TimingConfig = Pick<WatchdogConfig, "checks" | "router" | "leases" | "store" | "failsafe">;

type Demand = (holds: boolean, sentence: string) => void;

/**
 * The inequalities that the safety argument rests on. Returns one sentence, with the numbers, for each that the
 * configuration breaks; an empty list when it keeps them all.
 */
export function timingViolations(config: TimingConfig): readonly string[] {
  const violations: string[] = [];
  const demand: Demand = (holds, sentence) => {
    if (!holds) violations.push(sentence);
  };
  const { checks } = config;
  demand(
    checks.timeoutMs < checks.intervalMs,
    `checks.timeoutMs (${checks.timeoutMs}) must be below checks.intervalMs (${checks.intervalMs}): ` +
      "a probe has to end before the next one starts",
  );
  demandOfRouter(config, demand);
  demandOfEtcd(config, demand);
  return violations;
}

function demandOfRouter({ router, leases }: TimingConfig, demand: Demand): void {
  if (router === null) return;
  const { ticketRenewalMs, ticketValidityMs } = router;
  demand(
    ticketRenewalMs < ticketValidityMs,
    `router.ticketRenewalMs (${ticketRenewalMs}) must be below router.ticketValidityMs ` +
      `(${ticketValidityMs}): else HAProxy closes between two renewals`,
  );
  demand(
    ticketValidityMs + leases.marginMs <= leases.ttlMs,
    `router.ticketValidityMs + leases.marginMs (${ticketValidityMs} + ${leases.marginMs} = ` +
      `${ticketValidityMs + leases.marginMs}) may not exceed leases.ttlMs (${leases.ttlMs}): ` +
      "a ticket that outlives its lease lets two regions accept writes",
  );
  demand(
    ticketRenewalMs < leases.ttlMs,
    `router.ticketRenewalMs (${ticketRenewalMs}), which is also the pause before the store is tried again, must ` +
      `be below leases.ttlMs (${leases.ttlMs}): else a healthy router loses its lease`,
  );
}

function demandOfEtcd({ router, leases, store, failsafe }: TimingConfig, demand: Demand): void {
  if (store.kind !== "etcd") return;
  const { deadlineMs, hedgeAfterMs, electionTimeoutMs } = store;
  demand(
    hedgeAfterMs <= deadlineMs,
    `store.hedgeAfterMs (${hedgeAfterMs}) may not exceed store.deadlineMs (${deadlineMs}), the bound on the whole call`,
  );
  demand(
    leases.ttlMs >= 1.5 * electionTimeoutMs,
    `leases.ttlMs (${leases.ttlMs}) must be at least 1.5 times store.electionTimeoutMs (${electionTimeoutMs}): ` +
      "etcd lengthens shorter leases by itself, so nobody could count on their end",
  );
  if (router === null) return;
  demand(
    deadlineMs + router.ticketRenewalMs < leases.ttlMs,
    `store.deadlineMs + router.ticketRenewalMs (${deadlineMs} + ${router.ticketRenewalMs} = ` +
      `${deadlineMs + router.ticketRenewalMs}) must be below leases.ttlMs (${leases.ttlMs}): ` +
      "else one slow call costs a healthy router its lease",
  );
  if (failsafe === null) return;
  const silentMs = router.ticketRenewalMs + deadlineMs + failsafe.timeoutMs;
  demand(
    silentMs <= router.ticketValidityMs,
    `router.ticketRenewalMs + store.deadlineMs + failsafe.timeoutMs (${router.ticketRenewalMs} + ${deadlineMs} + ` +
      `${failsafe.timeoutMs} = ${silentMs}) may not exceed router.ticketValidityMs (${router.ticketValidityMs}): ` +
      "else a router closes before failsafe has been asked when the store falls silent",
  );
}
