import { z } from "zod";
import {
  type Address,
  type Addresses,
  epochSchema,
  hostSchema,
  portSchema,
  type RegionName,
  regionSchema,
} from "../config/address.ts";
import type { StateRecord } from "./state/record.ts";

/** What applications learn: the active region's address or the phase. Shared by endpoint service and publisher. */

/** The active region and its address, under an epoch. */
export interface Endpoint extends Address {
  readonly epoch: number;
  readonly region: RegionName;
}

/**
 * serving: this region accepts writes. closing, promoting: a change is under way and no region accepts writes. unknown:
 * the watchdog that answers can confirm no region now; an application keeps the region it has.
 */
export type EndpointState =
  | ({ readonly phase: "serving" } & Endpoint)
  | { readonly phase: "closing" | "promoting"; readonly epoch: number }
  /** `epoch`: the newest known one; 0 when none is known. */
  | { readonly phase: "unknown"; readonly epoch: number };

export type ServingState = Extract<EndpointState, { phase: "serving" }>;

/** JSON of the endpoint service. Later versions may add fields, so unknown ones are ignored. */
export const endpointStateSchema = z.discriminatedUnion("phase", [
  z.object({
    phase: z.literal("serving"),
    epoch: epochSchema,
    region: regionSchema,
    host: hostSchema,
    port: portSchema,
  }),
  z.object({ phase: z.enum(["closing", "promoting"]), epoch: epochSchema }),
  z.object({ phase: z.literal("unknown"), epoch: epochSchema.or(z.literal(0)) }),
]) satisfies z.ZodType<EndpointState>;

/** What the endpoint service answers from. */
export interface RoutingState {
  /** The newest record that this watchdog knows. */
  readonly record: StateRecord | null;
  /** The routing ticket issued last; null when it was emptied. */
  readonly ticket: { readonly region: RegionName; readonly epoch: number; readonly validUntilMs: number } | null;
  readonly nowMs: number;
}

/**
 * Names a region only while the router beside this watchdog may route there: under a valid ticket of the record's own
 * epoch. The controller promotes no other region before that ticket is emptied or its lease has expired, so no answer
 * names a region that was replaced, however long this watchdog was cut off.
 */
export function endpointState({ record, ticket, nowMs }: RoutingState, addresses: Addresses): EndpointState {
  if (record === null) return { phase: "unknown", epoch: 0 };
  const { epoch } = record;
  if (record.phase !== "serving") return { phase: record.phase, epoch };
  const address = addresses[record.active];
  const open =
    ticket !== null && ticket.epoch === epoch && ticket.region === record.active && nowMs < ticket.validUntilMs;
  if (!open || address === undefined) return { phase: "unknown", epoch };
  return { phase: "serving", epoch, region: record.active, ...address };
}

/** `10.82.0.10:9200`, `[2001:db8::1]:9200`. */
export function hostPort({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether both tell applications the same. */
export function sameState(a: EndpointState, b: EndpointState): boolean {
  if (a.phase !== b.phase || a.epoch !== b.epoch) return false;
  if (a.phase !== "serving" || b.phase !== "serving") return true;
  return a.region === b.region && a.host === b.host && a.port === b.port;
}
