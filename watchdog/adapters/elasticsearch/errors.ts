import { errors } from "@elastic/elasticsearch";
import type { RegionName } from "../../config/address.ts";
import { ClusterError } from "../../core/ports/cluster.ts";
import { messageOf } from "../../util/errors.ts";
import { isUntrusted } from "./node-client.ts";
import { property } from "./property.ts";

/**
 * What CCR answers while it cannot reach the leader's cluster: HTTP 400 like a refusal, although the same request succeeds
 * once the connection is back.
 */
const LEADER_UNREACHABLE = /license state of the remote cluster \[.*?\] could not be determined/;

/** Turns an error of the client into a `ClusterError` that names the region, the request and the cluster's reason. */
export function toClusterError(region: RegionName, what: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const failed = (kind: ClusterError["kind"], reason: string, status: number | null = null): ClusterError =>
    new ClusterError(region, kind, `${region}: ${what}: ${reason}`, status);

  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? null;
    const reason = reasonOf(error.body) ?? `HTTP ${status ?? "without a status"}`;
    if (isUnlicensed(error)) return failed("unlicensed", reason, status);
    if (status === 401 || (status === 403 && errorTypeOf(error.body) === "security_exception")) {
      return failed("unauthorized", reason, status);
    }
    if (status === 404) return failed("not-found", reason, status);
    if (LEADER_UNREACHABLE.test(reason)) return failed("unreachable", reason, status);
    return failed("rejected", status === null ? reason : `${reason} (HTTP ${status})`, status);
  }
  if (error instanceof errors.TimeoutError || error instanceof errors.RequestAbortedError) {
    return failed("timeout", error.message);
  }
  if (error instanceof errors.ProductNotSupportedError) {
    return failed("rejected", "the server there is not Elasticsearch");
  }
  if (error instanceof errors.ConnectionError) {
    return failed(isUntrusted(error) ? "untrusted" : "unreachable", error.message);
  }
  return failed("rejected", messageOf(error));
}

/** True when the node has no handler for the call: a module that this distribution lacks. */
export function isMissingModule(error: unknown): boolean {
  return error instanceof ClusterError && error.kind === "rejected" && /no handler found for uri/.test(error.message);
}

/** What Elasticsearch refuses for lack of a licence: 403 "current license is non-compliant for [security]". */
export function isUnlicensed(error: unknown): boolean {
  if (error instanceof ClusterError) return error.kind === "unlicensed";
  if (!(error instanceof errors.ResponseError) || error.statusCode !== 403) return false;
  return /^current license is non-compliant for \[/.test(reasonOf(error.body) ?? "");
}

/** The answer, or `otherwise` where the cluster refuses it for lack of a licence. */
export async function unlessUnlicensed<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (isUnlicensed(error)) return otherwise;
    throw error;
  }
}

/** True when the node answered, if only with an error. */
export const isAnswer = (error: unknown): boolean => error instanceof errors.ResponseError;

/** True when the node does not accept the user's password. */
export const isRefusedUser = (error: unknown): boolean =>
  error instanceof errors.ResponseError && error.statusCode === 401;

/**
 * How much a node's error tells about its region. A node that refuses the user, or has a certificate that is not trusted,
 * proves that nothing can be told, whatever other nodes answer; any answer tells more than silence.
 */
export function weightOfError(error: unknown): number {
  if (isUntrusted(error) || isRefusedUser(error)) return 2;
  return isAnswer(error) ? 1 : 0;
}

/** A refusal of the request itself, which every node would repeat; not of the state that one node is in. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof errors.ResponseError)) return false;
  const status = error.statusCode ?? 500;
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

/** The error, or one timeout in place of the several forms that a timeout takes; `undefined`: nothing was asked in time. */
export function asTimeout(error: unknown, timeoutMs: number): unknown {
  const timedOut =
    error === undefined ||
    error instanceof errors.TimeoutError ||
    error instanceof errors.RequestAbortedError ||
    (error instanceof DOMException && error.name === "TimeoutError");
  return timedOut ? new errors.TimeoutError(`no answer within ${timeoutMs} ms`) : error;
}

function errorTypeOf(body: unknown): string | undefined {
  const type = property(property(body, "error"), "type");
  return typeof type === "string" ? type : undefined;
}

/** The cluster's own reason, with the deepest cause where that adds to it. */
function reasonOf(body: unknown): string | undefined {
  const error = property(body, "error");
  if (typeof error === "string") return error;
  const reason = property(error, "reason");
  if (typeof reason !== "string") return undefined;
  let cause = property(error, "caused_by");
  let deepest: unknown;
  for (let depth = 0; cause !== undefined && depth < 10; depth += 1) {
    deepest = property(cause, "reason");
    cause = property(cause, "caused_by");
  }
  return typeof deepest === "string" && deepest !== reason ? `${reason}: ${deepest}` : reason;
}
