import type { EndpointRequest } from "./activity.ts";
import { type AnswerFormat, answerFormats } from "./answers.ts";

/** Query of a client. */
export interface EndpointQuery {
  readonly format: AnswerFormat;
  /** Long poll: held until the epoch differs, or for `waitMs`; null: answered at once. */
  readonly poll: { readonly waitMs: number; readonly epoch: number } | null;
}

/** An invalid query; the message explains what is valid. */
export class BadQuery extends Error {}

/** Longer waits are cut to this: proxies and firewalls drop idle connections after about a minute. */
export const MAX_WAIT_MS = 60_000;

/** @throws BadQuery */
export function parseQuery(query: URLSearchParams, accept: string | undefined): EndpointQuery {
  const format = formatOf(query.get("format"), accept);
  const wait = query.get("wait");
  const epoch = query.get("epoch");
  if (wait === null) return { format, poll: null };
  if (epoch === null) throw new BadQuery("wait requires epoch=N, the epoch that the client knows");
  if (!/^\d{1,16}$/.test(epoch) || !Number.isSafeInteger(Number(epoch))) {
    throw new BadQuery(`epoch: "${epoch}" is not a whole number`);
  }
  return { format, poll: { waitMs: waitMsOf(wait), epoch: Number(epoch) } };
}

function waitMsOf(wait: string): number {
  const match = /^(\d{1,9})(ms|s|m)?$/.exec(wait);
  if (match === null) throw new BadQuery(`wait: "${wait}" is not a duration such as 30s or 500ms`);
  const factor = { ms: 1, s: 1_000, m: 60_000 }[match[2] ?? "s"] ?? 1_000;
  return Math.min(Number(match[1]) * factor, MAX_WAIT_MS);
}

function formatOf(requested: string | null, accept: string | undefined): AnswerFormat {
  if (requested !== null) {
    const format = answerFormats.find((candidate) => candidate === requested);
    if (format === undefined) throw new BadQuery(`format: "${requested}" is none of ${answerFormats.join(", ")}`);
    return format;
  }
  // JSON, unless the client accepts plain text and not JSON.
  const accepted = (accept ?? "").toLowerCase();
  return accepted.includes("text/plain") && !accepted.includes("application/json") ? "plain" : "json";
}

/**
 * A client that takes the service for a proxy sends the whole URL ("absolute form" in RFC 9112), which servers accept.
 *
 * @throws BadQuery
 */
export function urlOf(target: string): URL {
  const url = /^https?:\/\//i.test(target) ? target : `http://watchdog${target}`;
  if (!URL.canParse(url)) throw new BadQuery("the path is not part of a URL");
  return new URL(url);
}

const ROLES = ["/active", "/standby", "/healthz", "/readyz"];

export function requestOf(pathname: string, query: URLSearchParams): EndpointRequest {
  if (pathname === "/v1/endpoint") return query.has("wait") ? "long-poll" : "endpoint";
  if (pathname === "/v1/acknowledgement") return "acknowledgement";
  return ROLES.includes(pathname) ? "role" : "unknown";
}
