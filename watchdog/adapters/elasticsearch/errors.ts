import { errors } from "@elastic/elasticsearch";
import type { RegionName } from "../../config/address.ts";
import { ClusterError } from "../../core/ports/cluster.ts";
import { messageOf } from "../../util/errors.ts";

/** Marks a connection that was never established: nothing was sent, so another node may be asked instead. */
export const CONNECT_FAILED = "cannot connect";

export function connectFailed(error: unknown): boolean {
  return error instanceof errors.ConnectionError && error.message.startsWith(CONNECT_FAILED);
}

/** Turns whatever the client threw into a `ClusterError` that names the region, the attempt and the cluster's reason. */
export function toClusterError(region: RegionName, what: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const failed = (kind: ClusterError["kind"], reason: string, status: number | null = null): ClusterError =>
    new ClusterError(region, kind, `${region}: ${what}: ${reason}`, status);

  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? null;
    const reason = reasonOf(error.body) ?? `HTTP ${status ?? "without a status"}`;
    if (status === 401 || (status === 403 && errorTypeOf(error.body) === "security_exception")) {
      return failed("unauthorized", reason, status);
    }
    if (status === 404) return failed("not-found", reason, status);
    return failed("rejected", status === null ? reason : `${reason} (HTTP ${status})`, status);
  }
  if (error instanceof errors.TimeoutError || error instanceof errors.RequestAbortedError) {
    return failed("timeout", error.message);
  }
  if (error instanceof errors.ProductNotSupportedError) {
    return failed("rejected", "what answers there is not Elasticsearch");
  }
  if (error instanceof errors.ConnectionError) return failed("unreachable", error.message);
  return failed("rejected", messageOf(error));
}

/** True when the node has no handler for the call: a module that this distribution lacks. */
export function isMissingModule(error: unknown): boolean {
  return error instanceof ClusterError && error.kind === "rejected" && /no handler found for uri/.test(error.message);
}

function errorTypeOf(body: unknown): string | undefined {
  const error = property(body, "error");
  const type = property(error, "type");
  return typeof type === "string" ? type : undefined;
}

/** The cluster's own words: the reason, and the deepest cause where it says more. */
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

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
