import { z } from "zod";
import { healthStateSchema } from "../../core/state/report.ts";

/** Fields that several answers of the control API share; their types are in core/state. */

const clusterProbe = z.discriminatedUnion("reachable", [
  z.object({
    reachable: z.literal(false),
    kind: z.enum(["unreachable", "timeout", "unauthorized", "not-found", "rejected"]),
    error: z.string(),
  }),
  z.object({
    reachable: z.literal(true),
    clusterUuid: z.string(),
    version: z.string(),
    master: z.string().nullable(),
    status: z.enum(["green", "yellow", "red"]),
    redIndices: z.array(z.string()),
    copyingIndices: z.array(z.string()),
    nodes: z.number(),
  }),
]);

export const regionHealth = z.object({
  state: healthStateSchema,
  failuresInARow: z.number(),
  successesInARow: z.number(),
  reason: z.string(),
  sinceMs: z.number().nullable(),
  lastProbeAtMs: z.number().nullable(),
  lastGoodAtMs: z.number().nullable(),
  lastProbe: clusterProbe.nullable(),
});

export const leadership = z.object({
  leading: z.boolean(),
  leader: z.string().nullable(),
  error: z.string().nullable(),
});

export const routerLease = z.object({ router: z.string(), acknowledgedEpoch: z.number() });

export const storeState = z.object({
  reachable: z.boolean(),
  error: z.string().nullable(),
  full: z.string().nullable().exactOptional(),
});
