import { z } from "zod";
import { endpointStateSchema } from "../../core/endpoint-state.ts";
import type { SocketCall } from "../../util/socket-api.ts";

const [serving, changing] = endpointStateSchema.options;

const sourceReport = z.object({
  name: z.string(),
  state: endpointStateSchema.nullable(),
  error: z.string().nullable(),
  heardAtMs: z.number().nullable(),
});

const targetReport = z.object({
  name: z.string(),
  summary: z.string(),
  usedEpoch: z.number().nullable(),
  notifiedEpoch: z.number().nullable().default(null),
  waitingFor: z.string().nullable(),
  warnings: z.array(z.string()),
  error: z.string().nullable(),
  failures: z.number(),
  nextAttemptAtMs: z.number().nullable(),
});

/** A `PublisherStatus`. */
const status = z.object({
  instance: z.string(),
  nowMs: z.number(),
  state: z.discriminatedUnion("phase", [serving, changing]).nullable(),
  problem: z.string().nullable(),
  sources: z.array(sourceReport),
  targets: z.array(targetReport),
  acknowledgeError: z.string().nullable(),
});

/** Every call that a running publisher answers on its control socket. */
export const publisherApi = {
  status: { route: "GET /status", request: z.object({}), answer: status },
} as const satisfies Readonly<Record<string, SocketCall>>;
