import type { Timings } from "./profiles.ts";
import type { ConfigViolation } from "./violations.ts";

/** The settings that the timing rules compare. */
export interface TimingConfig extends Pick<Timings, "leases"> {
  readonly checks: Pick<Timings["checks"], "intervalMs" | "timeoutMs">;
  readonly canary: { readonly intervalMs: number; readonly timeoutMs: number };
  /** `null` on the witness. */
  readonly router: Timings["router"] | null;
  readonly store: { readonly kind: "file" } | ({ readonly kind: "etcd" } & Timings["store"]);
  /** `null` with a file store. */
  readonly failsafe: Timings["failsafe"] | null;
}

/**
 * The inequalities on which the safety argument rests. Returns a violation, with the numbers, for each that the
 * configuration breaks.
 */
export function timingViolations(config: TimingConfig): readonly ConfigViolation[] {
  return [
    ...probeViolations(config),
    ...canaryViolations(config),
    ...routerViolations(config),
    ...etcdViolations(config),
  ];
}

function demand(holds: boolean, key: string, message: string): readonly ConfigViolation[] {
  return holds ? [] : [{ key, message }];
}

function probeViolations({ checks: { timeoutMs, intervalMs } }: TimingConfig): readonly ConfigViolation[] {
  return demand(
    timeoutMs < intervalMs,
    "checks.timeoutMs",
    `(${timeoutMs}) must be below checks.intervalMs (${intervalMs}): a probe must end before the next one starts`,
  );
}

function canaryViolations({ canary: { timeoutMs, intervalMs } }: TimingConfig): readonly ConfigViolation[] {
  return demand(
    timeoutMs < intervalMs,
    "canary.timeoutMs",
    `(${timeoutMs}) must be below canary.intervalMs (${intervalMs}): a canary must end before the next one starts`,
  );
}

function routerViolations({ router, leases: { ttlMs, marginMs } }: TimingConfig): readonly ConfigViolation[] {
  if (router === null) return [];
  const { ticketRenewalMs, ticketValidityMs } = router;
  return [
    ...demand(
      ticketRenewalMs < ticketValidityMs,
      "router.ticketRenewalMs",
      `(${ticketRenewalMs}) must be below router.ticketValidityMs (${ticketValidityMs}): ` +
        "otherwise HAProxy closes between two renewals",
    ),
    ...demand(
      ticketValidityMs + marginMs <= ttlMs,
      "router.ticketValidityMs",
      `+ leases.marginMs (${ticketValidityMs} + ${marginMs} = ${ticketValidityMs + marginMs}) may not exceed ` +
        `leases.ttlMs (${ttlMs}): a ticket that outlives its lease lets two regions accept writes`,
    ),
    ...demand(
      ticketRenewalMs < ttlMs,
      "router.ticketRenewalMs",
      `(${ticketRenewalMs}), which is also the pause before the store is tried again, must be below leases.ttlMs ` +
        `(${ttlMs}): otherwise a healthy router loses its lease`,
    ),
  ];
}

function etcdViolations({ router, leases: { ttlMs }, store, failsafe }: TimingConfig): readonly ConfigViolation[] {
  if (store.kind !== "etcd") return [];
  const { deadlineMs, hedgeAfterMs, electionTimeoutMs } = store;
  return [
    ...demand(
      hedgeAfterMs <= deadlineMs,
      "store.hedgeAfterMs",
      `(${hedgeAfterMs}) may not exceed store.deadlineMs (${deadlineMs}), the bound on the whole call`,
    ),
    ...demand(
      ttlMs >= 1.5 * electionTimeoutMs,
      "leases.ttlMs",
      `(${ttlMs}) must be at least 1.5 times store.electionTimeoutMs (${electionTimeoutMs}): ` +
        "etcd lengthens shorter leases by itself, so their end would be unknown",
    ),
    ...(router === null ? [] : slowStoreViolations(router, store, failsafe, ttlMs)),
  ];
}

/** A router must live through one slow call to the store, and ask for failsafe grants before its ticket ends. */
function slowStoreViolations(
  { ticketRenewalMs, ticketValidityMs }: Timings["router"],
  { deadlineMs }: Timings["store"],
  failsafe: Timings["failsafe"] | null,
  ttlMs: number,
): readonly ConfigViolation[] {
  const callMs = deadlineMs + ticketRenewalMs;
  const withinLease = demand(
    callMs < ttlMs,
    "store.deadlineMs",
    `+ router.ticketRenewalMs (${deadlineMs} + ${ticketRenewalMs} = ${callMs}) must be below leases.ttlMs (${ttlMs}): ` +
      "otherwise one slow call costs a healthy router its lease",
  );
  if (failsafe === null) return withinLease;
  const silentMs = ticketRenewalMs + deadlineMs + failsafe.timeoutMs;
  return [
    ...withinLease,
    ...demand(
      silentMs <= ticketValidityMs,
      "router.ticketRenewalMs",
      `+ store.deadlineMs + failsafe.timeoutMs (${ticketRenewalMs} + ${deadlineMs} + ${failsafe.timeoutMs} = ` +
        `${silentMs}) may not exceed router.ticketValidityMs (${ticketValidityMs}): otherwise a router whose store falls ` +
        "silent closes before it has asked for failsafe grants",
    ),
  ];
}
