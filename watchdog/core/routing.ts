import type { RegionName } from "../config/address.ts";
import type { RoutingTicket } from "./ports/router.ts";
import type { StateRecord } from "./state/record.ts";

/** What a router knows when it decides on its ticket. */
export interface RoutingSituation {
  /** As read after the lease was taken (rule lease-first); null when the store has none. */
  readonly record: StateRecord | null;
  /** The highest epoch this router has ever seen, also before a restart. */
  readonly highestEpochSeen: number;
  /** Wall clock just before the lease was asked for: everything that took time since only shortens the ticket. */
  readonly leaseAskedAtMs: number;
  readonly leaseValidForMs: number;
  /** Wall and monotonic clock have parted since the last round: a wall-clock time given out before means nothing now. */
  readonly clocksParted: boolean;
  /** What this router is open to under a ticket that has not run out; null when closed, or not known after a start. */
  readonly openTo: { readonly epoch: number; readonly region: RegionName } | null;
}

export type RoutingDecision =
  | { readonly kind: "issue"; readonly ticket: RoutingTicket; readonly reason: string }
  | {
      readonly kind: "close";
      readonly epoch: number;
      /** Regions whose sessions are cut. */
      readonly regions: readonly RegionName[];
      /** Whether the closing of this epoch is what was asked for, so that it is acknowledged once done. */
      readonly acknowledge: boolean;
      readonly reason: string;
    }
  /** Nothing is given out; what was given out before ends by itself. */
  | { readonly kind: "wait"; readonly reason: string };

export interface RoutingConfig {
  readonly ticketValidityMs: number;
  /** Between a ticket's end and its lease's end. */
  readonly leaseMarginMs: number;
}

/**
 * A router's ticket, from what it knows. Rules: a ticket only while the record says `serving`; it ends before the lease
 * it was given out under, counted from when that lease was asked for (ticket-below-lease); never under an epoch lower
 * than one seen before; and none is opened anew from a store that has forgotten other routers' leases.
 */
export function decideRouting(situation: RoutingSituation, config: RoutingConfig): RoutingDecision {
  const { record } = situation;
  if (record === null) return { kind: "wait", reason: "the store has no record yet, so there is nothing to route to" };
  if (record.epoch < situation.highestEpochSeen) {
    return {
      kind: "wait",
      reason: `the store says epoch ${record.epoch}, but epoch ${situation.highestEpochSeen} was seen before: not opened`,
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
        reason: `epoch ${record.epoch} is ${record.phase} (${record.from} to ${record.to}): closed until it is served again`,
      };
    case "serving":
      return situation.clocksParted
        ? {
            kind: "close",
            epoch: record.epoch,
            regions: [],
            acknowledge: false,
            reason: "the wall clock and the monotonic clock have parted: ticket emptied, a new one follows next round",
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
      reason: "the store was filled from a copy: not opened until every ticket from before has run out",
    };
  }
  const validForMs = Math.min(ticketValidityMs, leaseValidForMs - leaseMarginMs);
  if (validForMs <= 0) {
    return {
      kind: "wait",
      reason: `the lease holds for ${leaseValidForMs} ms only, not longer than the margin of ${leaseMarginMs} ms`,
    };
  }
  return {
    kind: "issue",
    ticket: { epoch: record.epoch, region: record.active, validUntilMs: leaseAskedAtMs + validForMs },
    reason: `routes to ${record.active} (epoch ${record.epoch})`,
  };
}
