import { Pool } from "undici";
import { z } from "zod";
import type { RegionName } from "../../config/address.ts";
import { CANARY_INDEX } from "../../config/canary.ts";
import type { Entry } from "../../core/ports/entry.ts";
import type { CanaryAnswer } from "../../core/state/canary.ts";
import { type Live, liveOf } from "../../util/live.ts";
import { Authorizations } from "../elasticsearch/authorizations.ts";
import { connectorOf, type NodeAccess } from "../elasticsearch/node-client.ts";
import { connectionFailure, type EntryReply, failureOf, isClosed } from "./failures.ts";

export interface EntryOptions {
  readonly url: string;
  readonly access: NodeAccess | Live<NodeAccess>;
  /** Name of this watchdog: its document's id. */
  readonly watchdog: string;
  /** Bound on a canary as a whole, milliseconds. */
  readonly timeoutMs: number;
}

export interface EntryConnection extends Entry {
  close(): Promise<void>;
}

/** Hidden, so that no pattern of an application finds it; one shard, with a replica where there is a node for it. */
const definition = {
  settings: { index: { hidden: true, number_of_shards: 1, auto_expand_replicas: "0-1" } },
  mappings: { dynamic: false },
};

const found = z.object({ _source: z.object({ token: z.string() }) });

/**
 * The entry as applications use it: over TLS, by HTTP/1.1, and with the region named by HAProxy in the answer. A HAProxy that
 * closed cuts the connection as it does theirs.
 */
export function connectEntry(options: EntryOptions): EntryConnection {
  const { url, watchdog, timeoutMs } = options;
  const access = liveOf(options.access);
  const connector = connectorOf(access, timeoutMs);
  const pool = new Pool(url, { connections: 1, connect: (target, done) => connector.current(target, done) });
  const authorizations = new Authorizations(
    access.map((now) => now.authorizations),
    (error) => error instanceof RefusedUser,
  );
  const document = `/${CANARY_INDEX}/_doc/${encodeURIComponent(watchdog)}`;

  const ask = (method: "GET" | "PUT", path: string, signal: AbortSignal, content?: object): Promise<EntryReply> =>
    authorizations.use(async (credentials) => {
      const headers = { ...credentials, "content-type": "application/json" };
      const body = content === undefined ? null : JSON.stringify(content);
      const answer = await pool.request({ method, path, headers, signal, body });
      const region = answer.headers["es-failover-region"];
      const text = await answer.body.text();
      const reply = { status: answer.statusCode, region: region === undefined ? null : String(region), body: text };
      if (reply.status === 401) throw new RefusedUser(reply);
      return reply;
    });

  /** Regions that have the index. A write would create it with other settings. */
  const prepared = new Set<RegionName>();

  const attempt = async (region: RegionName, token: string, signal: AbortSignal): Promise<CanaryAnswer> => {
    if (!prepared.has(region)) {
      const created = await ask("PUT", `/${CANARY_INDEX}`, signal, definition);
      if (created.status >= 300 && !created.body.includes("resource_already_exists_exception")) return failed(created);
      if (created.region === region) prepared.add(region);
    }
    // Elasticsearch gives up before this watchdog does, so that its reason is known.
    const written = await ask("PUT", `${document}?timeout=${Math.ceil(timeoutMs / 2)}ms`, signal, { token });
    if (written.status >= 300) return failed(written);
    const read = await ask("GET", document, signal);
    if (read.status >= 300) return failed(read);
    const answer = found.safeParse(JSON.parse(read.body));
    if (answer.data?._source.token === token) return { kind: "accepted", region: read.region };
    return { kind: "failed", cause: "index", region: read.region, error: "the document read is not the one written" };
  };

  return {
    canary: async ({ region, token }) => {
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        return await attempt(region, token, signal);
      } catch (error) {
        if (error instanceof RefusedUser) return failed(error.reply);
        return { kind: "failed", region: null, ...connectionFailure(error, signal.aborted, timeoutMs) };
      }
    },
    close: () => pool.destroy(),
  };
}

class RefusedUser extends Error {
  readonly reply: EntryReply;

  constructor(reply: EntryReply) {
    super(`HTTP ${reply.status}`);
    this.reply = reply;
  }
}

function failed(reply: EntryReply): CanaryAnswer {
  if (isClosed(reply)) return { kind: "closed" };
  return { kind: "failed", region: reply.region, ...failureOf(reply) };
}
