import type { RegionName } from "../config/address.ts";
import type { RoutingTicket } from "./ports/router.ts";
import type { StateRecord } from "./state/record.ts";

/** What a router decides its ticket from. */
export interface RoutingSituation {
  /** Read after the lease was taken (rule lease-first); null when the store has none. */
  readonly record: StateRecord | null;
  /** The highest epoch that this router has ever seen, also before a restart. */
  readonly highestEpochSeen: number;
  /** Wall clock just before the lease was requested: any delay since only shortens the ticket. */
  readonly leaseAskedAtMs: number;
  readonly leaseValidForMs: number;
  /** The wall clock jumped against the monotonic clock since the last round: times in earlier tickets are meaningless. */
  readonly clocksParted: boolean;
  /** The region this router is open to under a valid ticket; null when closed, and when unknown after a start. */
  readonly openTo: { readonly epoch: number; readonly region: RegionName } | null;
}

export type RoutingDecision =
  | { readonly kind: "issue"; readonly ticket: RoutingTicket; readonly reason: string }
  | {
      readonly kind: "close";
      readonly epoch: number;
      /** Regions whose sessions to cut. */
      readonly regions: readonly RegionName[];
      /** Whether to acknowledge the epoch once closed. */
      readonly acknowledge: boolean;
      readonly reason: string;
    }
  /** No ticket is issued; the last one expires. */
  | { readonly kind: "wait"; readonly reason: string };

export interface RoutingConfig {
  readonly ticketValidityMs: number;
  /** Time between the end of a ticket and the end of its lease. */
  readonly leaseMarginMs: number;
}

/**
 * The next ticket of a router. Rules: a ticket is issued only while the record is `serving`; it ends before the lease
 * that it was issued under, counted from when that lease was requested (ticket-below-lease); never under an epoch lower
 * than the highest seen; and no closed router opens from a store that has lost the leases of other routers.
 */
export function decideRouting(situation: RoutingSituation, config: RoutingConfig): RoutingDecision {
  const { record } = situation;
  if (record === null)
    return { kind: "wait", reason: "the store has no record yet: there is no active region to route to" };
  if (record.epoch < situation.highestEpochSeen) {
    return {
      kind: "wait",
      reason: `the store has epoch ${record.epoch}, lower than epoch ${situation.highestEpochSeen} seen before: not opened`,
    };
  }
  switch (record.phase) {
    case "closing":
    case "promoting":
      return {
        kind: "close",
        epoch: record.epoch,
        regions: [record.from, record.to],
        acknowledge: true,
        reason: `epoch ${record.epoch} is ${record.phase} (${record.from} to ${record.to}): closed until a region is serving`,
      };
    case "serving":
      return situation.clocksParted
        ? {
            kind: "close",
            epoch: record.epoch,
            regions: [],
            acknowledge: false,
            reason: "the wall clock jumped against the monotonic clock: ticket emptied, a new one follows next round",
          }
        : serve(record, situation, config);
    default:
      throw new Error(`unknown phase in ${JSON.stringify(record satisfies never)}`);
  }
}

function serve(
  record: Extract<StateRecord, { phase: "serving" }>,
  { leaseAskedAtMs, leaseValidForMs, openTo }: RoutingSituation,
  { ticketValidityMs, leaseMarginMs }: RoutingConfig,
): RoutingDecision {
  const isOpenAlready = openTo?.epoch === record.epoch && openTo.region === record.active;
  if (record.filledAtMs !== null && !isOpenAlready) {
    return {
      kind: "wait",
      reason: "the store was filled from a copy: not opened until every earlier ticket has expired",
    };
  }
  const validForMs = Math.min(ticketValidityMs, leaseValidForMs - leaseMarginMs);
  if (validForMs <= 0) {
    return {
      kind: "wait",
      reason: `the lease is valid for only ${leaseValidForMs} ms, no longer than the margin of ${leaseMarginMs} ms`,
    };
  }
  return {
    kind: "issue",
    ticket: { epoch: record.epoch, region: record.active, validUntilMs: leaseAskedAtMs + validForMs },
    reason: `routes to ${record.active} (epoch ${record.epoch})`,
  };
}
