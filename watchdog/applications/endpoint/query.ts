import { type AnswerFormat, answerFormats } from "./answers.ts";

/** What a client asks of the endpoint service. */
export interface EndpointQuery {
  readonly format: AnswerFormat;
  /** Long poll: held until the epoch is another one, for so long at most; null: answered at once. */
  readonly poll: { readonly waitMs: number; readonly epoch: number } | null;
}

/** A query that makes no sense. The message says what would. */
export class BadQuery extends Error {}

/** A longer wait is cut: proxies and firewalls on the way forget quiet connections after a minute or so. */
export const MAX_WAIT_MS = 60_000;

/** @throws BadQuery */
export function parseQuery(query: URLSearchParams, accept: string | undefined): EndpointQuery {
  const format = formatOf(query.get("format"), accept);
  const wait = query.get("wait");
  const epoch = query.get("epoch");
  if (wait === null) return { format, poll: null };
  if (epoch === null) throw new BadQuery("wait needs epoch=N, the epoch that is known already");
  if (!/^\d{1,16}$/.test(epoch) || !Number.isSafeInteger(Number(epoch))) {
    throw new BadQuery(`epoch: "${epoch}" is not a whole number`);
  }
  return { format, poll: { waitMs: waitMsOf(wait), epoch: Number(epoch) } };
}

function waitMsOf(wait: string): number {
  const match = /^(\d{1,9})(ms|s|m)?$/.exec(wait);
  if (match === null) throw new BadQuery(`wait: "${wait}" is not a time such as 30s or 500ms`);
  const factor = { ms: 1, s: 1_000, m: 60_000 }[match[2] ?? "s"] ?? 1_000;
  return Math.min(Number(match[1]) * factor, MAX_WAIT_MS);
}

function formatOf(asked: string | null, accept: string | undefined): AnswerFormat {
  if (asked !== null) {
    const format = answerFormats.find((candidate) => candidate === asked);
    if (format === undefined) throw new BadQuery(`format: "${asked}" is none of ${answerFormats.join(", ")}`);
    return format;
  }
  // Whoever names plain text and not JSON wants it; everybody else gets JSON.
  const named = (accept ?? "").toLowerCase();
  return named.includes("text/plain") && !named.includes("application/json") ? "plain" : "json";
}
