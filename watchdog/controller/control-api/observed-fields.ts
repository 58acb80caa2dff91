import { z } from "zod";
import { clusterErrorKinds } from "../../core/state/cluster.ts";
import { healthStateSchema } from "../../core/state/report.ts";

/** Fields that several answers of the control API share; their types are in core/state. */

const clusterProbe = z.discriminatedUnion("reachable", [
  z.object({
    reachable: z.literal(false),
    kind: z.enum(clusterErrorKinds),
    error: z.string(),
  }),
  z.object({
    reachable: z.literal(true),
    clusterUuid: z.string(),
    version: z.string(),
    master: z.string().nullable(),
    status: z.enum(["green", "yellow", "red"]),
    managedIndices: z.number().default(0),
    redIndices: z.array(z.string()),
    copyingIndices: z.array(z.string()),
    nodes: z.number(),
    clusterBlocks: z.array(z.string()).default([]),
    floodedIndices: z.array(z.string()).default([]),
    licenceLapsed: z.boolean().default(false),
  }),
]);

const run = { state: healthStateSchema, failuresInARow: z.number(), successesInARow: z.number() };

export const regionHealth = z.object({
  ...run,
  provenState: healthStateSchema.default("unknown"),
  byProbes: z.object(run).default({ state: "unknown", failuresInARow: 0, successesInARow: 0 }),
  inconclusiveInARow: z.number().default(0),
  reason: z.string(),
  problems: z.array(z.string()).default([]),
  sinceMs: z.number().nullable(),
  lastProbeAtMs: z.number().nullable(),
  lastGoodAtMs: z.number().nullable(),
  failingSinceMs: z.number().nullable().default(null),
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
