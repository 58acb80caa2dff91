import type { WatchdogConfig } from "../config/schema.ts";

/** The part of the configuration that the timing rules speak of. */
export type TimingConfig = Pick<WatchdogConfig, "checks" | "router">;

/**
 * The inequalities that the safety argument rests on. Returns one sentence, with the numbers, for each that the
 * configuration breaks; an empty list when it keeps them all.
 */
export function timingViolations({ checks, router }: TimingConfig): readonly string[] {
  const violations: string[] = [];
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) violations.push(sentence);
  };
  demand(
    checks.timeoutMs < checks.intervalMs,
    `checks.timeoutMs (${checks.timeoutMs}) must be below checks.intervalMs (${checks.intervalMs}): ` +
      "a probe has to end before the next one starts",
  );
  demand(
    router.ticketRenewalMs < router.ticketValidityMs,
    `router.ticketRenewalMs (${router.ticketRenewalMs}) must be below router.ticketValidityMs ` +
      `(${router.ticketValidityMs}): else HAProxy closes between two renewals`,
  );
  demand(
    router.ticketValidityMs + router.leaseMarginMs <= router.leaseTtlMs,
    `router.ticketValidityMs + router.leaseMarginMs (${router.ticketValidityMs} + ${router.leaseMarginMs} = ` +
      `${router.ticketValidityMs + router.leaseMarginMs}) may not exceed router.leaseTtlMs (${router.leaseTtlMs}): ` +
      "a ticket that outlives its lease lets two regions accept writes",
  );
  demand(
    router.ticketRenewalMs < router.leaseTtlMs,
    `router.ticketRenewalMs (${router.ticketRenewalMs}), which is also the pause before the store is tried again, must ` +
      `be below router.leaseTtlMs (${router.leaseTtlMs}): else a healthy router loses its lease`,
  );
  return violations;
}
