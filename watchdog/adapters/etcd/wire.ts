/**
 * etcd's v3 messages as its JSON gateway carries them: keys and values in base64, 64-bit integers as decimal strings,
 * fields that hold zero left out.
 */
import { z } from "zod";
import { PACKED_MARK } from "../../core/state/record-codec.ts";

/** A revision or another 64-bit count as a decimal string: it does not fit a number, and is only compared. */
export type Revision = string;
/** A 63-bit number as a decimal string. */
export type LeaseId = string;

const int64 = z
  .string()
  .regex(/^-?\d{1,19}$/, "a 64-bit integer in decimal")
  .default("0");
/** Ids of members and clusters are unsigned, so they may have one digit more. */
const id = z
  .string()
  .regex(/^\d{1,20}$/, "an unsigned 64-bit integer in decimal")
  .default("0");
/** A 64-bit field with small values: seconds, counts. */
const smallInt = int64.transform(Number).pipe(z.number().int());
const base64 = z.base64().default("");
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Leases and small records are JSON text: invalid UTF-8 is refused instead of silently replaced. */
const text = base64.transform((encoded, context) => {
  try {
    const bytes = Buffer.from(encoded, "base64");
    return bytes[0] === PACKED_MARK.charCodeAt(0) ? bytes.toString("latin1") : utf8.decode(bytes);
  } catch {
    context.addIssue({ code: "custom", message: "not UTF-8" });
    return z.NEVER;
  }
});

export function toBase64(plain: string): string {
  return Buffer.from(plain, plain.startsWith(PACKED_MARK) ? "latin1" : "utf8").toString("base64");
}

/**
 * The end of the range of all keys with this prefix, in base64: the prefix with its last byte that is not 0xff
 * incremented. Keys sort by bytes, not by characters.
 */
export function prefixEnd(prefix: string): string {
  const bytes = Buffer.from(prefix, "utf8");
  for (let last = bytes.length - 1; last >= 0; last--) {
    const byte = bytes[last] ?? 0xff;
    if (byte < 0xff) return Buffer.from([...bytes.subarray(0, last), byte + 1]).toString("base64");
  }
  // "\0" means "to the end of all keys".
  return Buffer.from([0]).toString("base64");
}

const header = z.object({ revision: int64 }).prefault({});

const keyValueSchema = z
  .object({ key: text, value: text, create_revision: int64, mod_revision: int64, lease: int64 })
  .transform(({ key, value, create_revision, mod_revision, lease }) => ({
    key,
    value,
    createRevision: create_revision,
    modRevision: mod_revision,
    /** "0" when no lease holds the key. */
    lease,
  }));
export type KeyValue = z.output<typeof keyValueSchema>;

const rangeBody = { kvs: z.array(keyValueSchema).default([]), count: smallInt };
export const rangeAnswer = z.object({ header, ...rangeBody });

export const txnAnswer = z.object({
  header,
  succeeded: z.boolean().default(false),
  responses: z
    .array(z.object({ response_range: z.object(rangeBody).optional() }))
    .default([])
    .transform((responses) =>
      responses.map(({ response_range }) => ({ kvs: response_range?.kvs ?? [], count: response_range?.count ?? 0 })),
    ),
});

export const alarmsAnswer = z.object({
  alarms: z.array(z.object({ memberID: id, alarm: z.string().default("NONE") })).default([]),
});

export const leaseGrantAnswer = z.object({ ID: int64, TTL: smallInt, error: z.string().default("") });
/** Keep-alive is a stream, of which the gateway sends one message per line, and one per request. */
export const leaseKeepAliveAnswer = z.object({ result: z.object({ ID: int64, TTL: smallInt }) });
export const leaseTimeToLiveAnswer = z.object({ ID: int64, TTL: smallInt, grantedTTL: smallInt });
export const authenticateAnswer = z.object({ token: z.string().min(1) });
export const emptyAnswer = z.object({});

const member = z
  .object({
    ID: id,
    name: z.string().default(""),
    peerURLs: z.array(z.string()).default([]),
    clientURLs: z.array(z.string()).default([]),
    isLearner: z.boolean().default(false),
  })
  .transform(({ ID, ...rest }) => ({ id: ID, ...rest }));
export type EtcdMember = z.output<typeof member>;
export const membersAnswer = z.object({ members: z.array(member).default([]) });
export const memberAddAnswer = z.object({ member });

export const statusAnswer = z.object({
  header: z.object({ member_id: id, revision: int64 }),
  version: z.string(),
  /** Member id of the leader; "0" when there is none. */
  leader: id,
  /** Of the file, which the quota bounds, and of what it holds at present. */
  dbSize: smallInt,
  dbSizeInUse: smallInt,
  isLearner: z.boolean().default(false),
  errors: z.array(z.string()).default([]),
});

/** An error of the gateway: flat for single calls, wrapped for streams. */
export const refusalAnswer = z.union([
  z.object({ code: z.number(), message: z.string() }),
  // Of a stream, such as a keep-alive, that never began or broke off.
  z.object({ error: z.object({ code: z.number(), message: z.string() }) }).transform(({ error }) => error),
  z
    .object({ error: z.object({ grpc_code: z.number(), message: z.string() }) })
    .transform(({ error }) => ({ code: error.grpc_code, message: error.message })),
]);

/** A condition of a transaction. */
export type Compare =
  | { readonly key: string; readonly modRevision: Revision }
  | { readonly key: string; readonly createRevision: Revision };

/** An operation of a transaction. */
export type Operation =
  | { readonly put: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly get: string }
  /** Counts the keys with this prefix. */
  | { readonly count: string }
  | { readonly delete: string }
  /** Deletes the keys from `deleteFrom` up to, but without, `before`. */
  | { readonly deleteFrom: string; readonly before: string };

export function encodeCompare(compare: Compare): Record<string, string> {
  const common = { key: toBase64(compare.key), result: "EQUAL" };
  return "modRevision" in compare
    ? { ...common, target: "MOD", mod_revision: compare.modRevision }
    : { ...common, target: "CREATE", create_revision: compare.createRevision };
}

export function encodeOperation(operation: Operation): Record<string, Record<string, string | boolean>> {
  if ("put" in operation) {
    const put = { key: toBase64(operation.put), value: toBase64(operation.value) };
    return { request_put: operation.lease === undefined ? put : { ...put, lease: operation.lease } };
  }
  if ("get" in operation) return { request_range: { key: toBase64(operation.get) } };
  if ("count" in operation) {
    const range = { key: toBase64(operation.count), range_end: prefixEnd(operation.count) };
    return { request_range: { ...range, count_only: true } };
  }
  if ("delete" in operation) return { request_delete_range: { key: toBase64(operation.delete) } };
  return {
    request_delete_range: { key: toBase64(operation.deleteFrom), range_end: toBase64(operation.before) },
  };
}

export function isRead(operation: Operation): boolean {
  return "get" in operation || "count" in operation;
}
