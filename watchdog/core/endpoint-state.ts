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

/**
 * Where applications go, and what they are told meanwhile. One vocabulary for the endpoint service, the publisher and
 * the keys in etcd and Consul.
 */

/** The region that serves, under an epoch, and its address. */
export interface Endpoint extends Address {
  readonly epoch: number;
  readonly region: RegionName;
}

/**
 * serving: this region may be written to. closing, promoting: a change is under way, nobody may be written to. unknown:
 * who answers cannot vouch for any region now; nothing follows from it for those who know one.
 */
export type EndpointState =
  | ({ readonly phase: "serving" } & Endpoint)
  | { readonly phase: "closing" | "promoting"; readonly epoch: number }
  /** `epoch`: the newest one that is known; 0 when none is. */
  | { readonly phase: "unknown"; readonly epoch: number };

export type ServingState = Extract<EndpointState, { phase: "serving" }>;

/** What the endpoint service answers as JSON. Later versions may add fields, so others are passed over. */
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

/** What a watchdog knows that its endpoint service speaks for. */
export interface RoutingState {
  /** The newest record that this watchdog knows of. */
  readonly record: StateRecord | null;
  /** The routing ticket given out last, unless it has been emptied. */
  readonly ticket: { readonly region: RegionName; readonly epoch: number; readonly validUntilMs: number } | null;
  readonly nowMs: number;
}

/**
 * A region is named only while the router beside this watchdog may route there: under a ticket of the record's own epoch
 * that has not run out. The decider promotes nobody else before that ticket is emptied or its lease has ended, so no
 * answer ever names a region that another one has replaced, however long this watchdog was cut off.
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

/** True when both say the same. */
export function sameState(a: EndpointState, b: EndpointState): boolean {
  if (a.phase !== b.phase || a.epoch !== b.epoch) return false;
  if (a.phase !== "serving" || b.phase !== "serving") return true;
  return a.region === b.region && a.host === b.host && a.port === b.port;
}
