import { z } from "zod";

/** The protocol between a test file and the pool of cluster pairs: one JSON object per line, over one connection. */

const nodeActions = ["kill", "shutDown", "freeze", "thaw", "restart", "setSecret"] as const;
export type NodeAction = (typeof nodeActions)[number];

const nodeRequestSchema = z.object({
  action: z.enum(nodeActions),
  cluster: z.enum(["gra", "bhs"]),
  /** For `kill` alone: the position of one node. Default: all. */
  node: z.number().int().optional(),
  /** For `restart` alone: health to wait for. Default: yellow. */
  health: z.enum(["red", "yellow"]).optional(),
  /** For `setSecret` alone. */
  secret: z.object({ name: z.string(), value: z.string() }).optional(),
});
export type NodeRequest = z.output<typeof nodeRequestSchema>;

const requestSchema = z.discriminatedUnion("action", [
  z.object({ action: z.literal("borrow") }),
  /** The end of the connection means the same. */
  z.object({ action: z.literal("return") }),
  nodeRequestSchema,
]);
export type PoolRequest = z.output<typeof requestSchema>;

const addressSchema = z.object({
  name: z.string(),
  urls: z.array(z.string()),
  transportAddresses: z.array(z.string()),
  ca: z.string(),
  caFile: z.string(),
  elastic: z.object({ username: z.string(), password: z.string() }),
});

const pairSchema = z.object({ gra: addressSchema, bhs: addressSchema });
export type PairAddress = z.output<typeof pairSchema>;

/** `id` is the request's, as several may be under way. */
export const numberedRequestSchema = z.object({ id: z.number(), request: requestSchema });
export const replySchema = z.object({
  id: z.number(),
  /** Why the request failed. */
  error: z.string().optional(),
  /** Answer to `borrow`. */
  pair: pairSchema.optional(),
});
export type PoolReply = z.output<typeof replySchema>;
