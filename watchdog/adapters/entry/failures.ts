import type { CanaryCause } from "../../config/canary.ts";
import type { CanaryAnswer, OwnCause } from "../../core/state/canary.ts";
import { certificateFault } from "../../util/certificates.ts";
import { messageOf } from "../../util/errors.ts";

/** What a failed canary shows: Elasticsearch's and HAProxy's answers, by cause. */

export interface EntryReply {
  readonly status: number;
  /** The region that answered, by HAProxy's header; null: HAProxy itself answered. */
  readonly region: string | null;
  readonly body: string;
}

type Failure = Pick<Extract<CanaryAnswer, { kind: "failed" }>, "cause" | "error">;

/** The answer of HAProxy's backend `closed` (infra/haproxy/haproxy-cfg.ts). */
export const isClosed = ({ status, region, body }: EntryReply): boolean =>
  status === 503 && region === null && body.includes('"es_failover_closed"');

export function failureOf(reply: EntryReply): Failure {
  return { cause: causeOf(reply), error: `HTTP ${reply.status}: ${reasonOf(reply.body)}` };
}

/** Longer reasons hide the rest of a status. */
const REASON_MAX = 200;

function reasonOf(body: string): string {
  const reason = /"reason":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? body.replaceAll(/<[^>]*>|\s+/g, " ");
  return reason.trim().slice(0, REASON_MAX);
}

/** Blocks of the whole cluster: `cluster.blocks.read_only` has number 6, `cluster.blocks.read_only_allow_delete` 13. */
const CLUSTER_BLOCK = /blocked by: \[[A-Z_]+\/(6|13)\//;
/** `index.blocks.read_only_allow_delete`, which Elasticsearch sets at the flood-stage watermark. */
const FLOOD_STAGE = /blocked by: \[[A-Z_]+\/12\//;

function causeOf({ status, body }: EntryReply): CanaryCause | OwnCause {
  if (body.includes("cluster_block_exception")) {
    if (CLUSTER_BLOCK.test(body)) return "cluster-block";
    if (FLOOD_STAGE.test(body)) return "flood-stage";
    // No master, or a state that is not recovered. Other blocks are of the canary's index, and a person set them.
    return status >= 500 ? "unavailable" : "index";
  }
  if (status === 401 || status === 403) return "forbidden";
  if (status === 429) return "overloaded";
  // Without a primary: what the probe tells of the managed indices counts.
  if (status < 500 || body.includes("unavailable_shards_exception") || body.includes("no_shard_available"))
    return "index";
  return status === 504 ? "timeout" : "unavailable";
}

export function connectionFailure(error: unknown, isLate: boolean, timeoutMs: number): Failure {
  const code = certificateFault(error);
  if (code !== null) return { cause: "untrusted", error: `${messageOf(error)} (${code})` };
  if (isLate) return { cause: "timeout", error: `no answer within ${timeoutMs} ms` };
  return { cause: "entry", error: messageOf(error) };
}
