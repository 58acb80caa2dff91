/**
 * A stand-in for a Consul agent: Debian has no package of it, and its build from Go modules takes longer than all tests
 * together. It implements what the publisher and a watching program need, as in the sources of Consul 1.18: the KV store
 * with check-and-set and blocking queries, the catalog, transactions, access by token. It is stricter than Consul: an
 * unknown query parameter or field is refused.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

interface Pair {
  readonly value: string;
  readonly flags: number;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

const service = z.strictObject({
  ID: z.string().default(""),
  Service: z.string().default(""),
  Address: z.string().default(""),
  Port: z.number().int().min(0).max(65_535).default(0),
  Tags: z.array(z.string()).default([]),
  Meta: z.record(z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/), z.string().max(512)).default({}),
  Weights: z
    .strictObject({ Passing: z.number().int().min(0), Warning: z.number().int().min(0) })
    .default({ Passing: 0, Warning: 0 }),
});
type Service = z.output<typeof service>;

const operation = z.union([
  z.strictObject({
    KV: z.strictObject({
      Verb: z.enum(["set", "cas", "delete"]),
      Key: z.string().min(1),
      Value: z.base64().default(""),
      Flags: z.number().int().min(0).default(0),
      Index: z.number().int().min(0).default(0),
    }),
  }),
  z.strictObject({
    Node: z.strictObject({
      Verb: z.enum(["set", "delete"]),
      Node: z.strictObject({ Node: z.string(), Address: z.string().default("") }),
    }),
  }),
  z.strictObject({
    Service: z.strictObject({ Verb: z.enum(["set", "delete"]), Node: z.string(), Service: service }),
  }),
]);
type Operation = z.output<typeof operation>;

/** What a token may read and write, by exact names. */
export interface ConsulPolicy {
  readonly key: string;
  readonly node: string;
  readonly service: string;
}

const MAX_OPERATIONS = 128;
const DEFAULT_WAIT_MS = 300_000;
const kvParameters = ["dc", "index", "wait", "consistent", "stale", "raw", "cas", "flags"];

export class ConsulStandIn {
  readonly #tokens: Readonly<Record<string, ConsulPolicy>>;
  readonly #server: Server;
  #pairs = new Map<string, Pair>();
  #nodes = new Map<string, string>();
  #services = new Map<string, Service & { readonly node: string }>();
  #index = 10;
  #wake = new Set<() => void>();
  /** Transactions that took effect. */
  writes = 0;

  private constructor(tokens: Readonly<Record<string, ConsulPolicy>>) {
    this.#tokens = tokens;
    this.#server = createServer((incoming, outgoing) => void this.#handle(incoming, outgoing));
  }

  static async start(tokens: Readonly<Record<string, ConsulPolicy>>): Promise<ConsulStandIn> {
    const agent = new ConsulStandIn(tokens);
    await new Promise<void>((resolve) => agent.#server.listen(0, "127.0.0.1", resolve));
    return agent;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { status, body, headers } = await this.#answer(incoming);
    const isText = typeof body === "string";
    outgoing
      .writeHead(status, { "content-type": isText ? "text/plain" : "application/json", ...headers })
      .end(isText ? body : JSON.stringify(body));
  }

  async #answer(incoming: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://consul");
    const policy = this.#tokens[String(incoming.headers["x-consul-token"] ?? "")] ?? null;
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    const strange = [...searchParams.keys()].find((name) => !kvParameters.includes(name));
    if (strange !== undefined) return reply(400, `unknown query parameter ${strange}`);
    const encoded = /^\/v1\/kv\/(.+)$/.exec(pathname)?.[1];
    const key = encoded === undefined ? undefined : decodeURIComponent(encoded);
    const catalog = /^\/v1\/catalog\/service\/(.+)$/.exec(pathname)?.[1];
    const { method } = incoming;
    if (key !== undefined && method === "GET") return this.#getKey(key, searchParams, policy);
    if (key !== undefined && method === "PUT") return this.#putKey(key, body, searchParams, policy);
    if (catalog !== undefined && method === "GET") return this.#getService(catalog, policy);
    if (pathname === "/v1/txn" && method === "PUT") return this.#transact(body, policy);
    return reply(404, `no such path ${method} ${pathname}`);
  }

  async #getKey(key: string, query: URLSearchParams, policy: ConsulPolicy | null): Promise<Answer> {
    if (policy?.key !== key) return reply(403, `Permission denied: token lacks permission 'key:read' on "${key}"`);
    const seen = Number(query.get("index") ?? 0);
    const indexOf = () => this.#pairs.get(key)?.modifyIndex ?? this.#index;
    if (seen > 0 && indexOf() <= seen) await this.#change(waitMs(query.get("wait")), () => indexOf() > seen);
    const pair = this.#pairs.get(key);
    const headers = { "x-consul-index": indexOf(), "x-consul-knownleader": "true" };
    if (pair === undefined) return reply(404, "", headers);
    if (query.has("raw")) return reply(200, Buffer.from(pair.value, "base64").toString(), headers);
    return reply(200, [pairAnswer(key, pair)], headers);
  }

  #putKey(key: string, body: string, query: URLSearchParams, policy: ConsulPolicy | null): Answer {
    if (policy?.key !== key) return reply(403, `Permission denied: token lacks permission 'key:write' on "${key}"`);
    const cas = query.get("cas");
    if (cas !== null && !this.#mayCas(key, Number(cas))) return reply(200, false);
    this.#commit(() => this.#setPair(key, Buffer.from(body).toString("base64"), Number(query.get("flags") ?? 0)));
    return reply(200, true);
  }

  /** Leaves out what the token may not read, without an error. */
  #getService(name: string, policy: ConsulPolicy | null): Answer {
    const found = [...this.#services.values()].filter(
      (entry) => entry.Service === name && policy?.service === name && policy.node === entry.node,
    );
    const answer = found.map((entry) => ({
      Node: entry.node,
      Address: this.#nodes.get(entry.node),
      ServiceID: entry.ID,
      ServiceName: entry.Service,
      ServiceAddress: entry.Address,
      ServicePort: entry.Port,
      ServiceTags: entry.Tags,
      ServiceMeta: entry.Meta,
      ServiceWeights: entry.Weights,
    }));
    return reply(200, answer, { "x-consul-index": this.#index });
  }

  /** Applies all operations, or none after a failure. */
  #transact(body: string, policy: ConsulPolicy | null): Answer {
    const parsed = z.array(operation).safeParse(parseJson(body));
    if (!parsed.success) return reply(400, `Failed to parse body: ${z.prettifyError(parsed.error)}`);
    if (parsed.data.length > MAX_OPERATIONS) return reply(413, "Transaction contains too many operations");
    const refused = parsed.data.flatMap((one, OpIndex) => {
      const What = refusalOf(one, policy);
      return What === null ? [] : [{ OpIndex, What }];
    });
    if (refused.length > 0) return reply(409, { Results: null, Errors: refused });
    const before = [new Map(this.#pairs), new Map(this.#nodes), new Map(this.#services), this.#index] as const;
    const Results: object[] = [];
    this.#index += 1;
    for (const [OpIndex, one] of parsed.data.entries()) {
      const outcome = this.#apply(one);
      if (typeof outcome === "string") {
        [this.#pairs, this.#nodes, this.#services, this.#index] = before;
        return reply(409, { Results: null, Errors: [{ OpIndex, What: outcome }] });
      }
      Results.push(...outcome);
    }
    this.writes += 1;
    this.#notify();
    return reply(200, { Results, Errors: null });
  }

  /** The results, or the error. */
  #apply(one: Operation): readonly object[] | string {
    if ("KV" in one) {
      const { Verb, Key, Value, Flags, Index } = one.KV;
      if (Verb === "delete") this.#pairs.delete(Key);
      if (Verb === "delete") return [];
      if (Verb === "cas" && !this.#mayCas(Key, Index)) return `failed to set key "${Key}", index is stale`;
      return [{ KV: { ...pairAnswer(Key, this.#setPair(Key, Value, Flags)), Value: null } }];
    }
    if ("Node" in one) {
      const { Node: name, Address } = one.Node.Node;
      if (one.Node.Verb === "set") this.#nodes.set(name, Address);
      else this.#nodes.delete(name);
      return one.Node.Verb === "set" ? [{ Node: { Node: name, Address } }] : [];
    }
    const { Verb, Node: node, Service: entry } = one.Service;
    const id = entry.ID === "" ? entry.Service : entry.ID;
    if (Verb === "delete") this.#services.delete(`${node} ${id}`);
    if (Verb === "delete") return [];
    if (!this.#nodes.has(node)) return "Missing node registration";
    this.#services.set(`${node} ${id}`, { ...entry, ID: id, node });
    return [{ Service: entry }];
  }

  /** Index 0 requires that the key is absent; any other index that it was last changed then. */
  #mayCas(key: string, index: number): boolean {
    return (this.#pairs.get(key)?.modifyIndex ?? 0) === index;
  }

  #setPair(key: string, value: string, flags: number): Pair {
    const before = this.#pairs.get(key);
    // A write of the current value changes no index.
    if (before?.value === value && before.flags === flags) return before;
    const pair = { value, flags, createIndex: before?.createIndex ?? this.#index, modifyIndex: this.#index };
    this.#pairs.set(key, pair);
    return pair;
  }

  #commit(change: () => void): void {
    this.#index += 1;
    change();
    this.#notify();
  }

  #notify(): void {
    for (const wake of [...this.#wake]) wake();
  }

  #change(ms: number, isThere: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake.delete(check);
        resolve();
      };
      const check = () => {
        if (isThere()) end();
      };
      const timer = setTimeout(end, ms);
      this.#wake.add(check);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | number>>;
}

const reply = (status: number, body: unknown, headers: Answer["headers"] = {}): Answer => ({ status, body, headers });

const pairAnswer = (Key: string, { value, flags, createIndex, modifyIndex }: Pair) => ({
  LockIndex: 0,
  Key,
  Flags: flags,
  Value: value,
  CreateIndex: createIndex,
  ModifyIndex: modifyIndex,
});

/** Why Consul refuses an operation before it applies any of them; null when it does not. */
function refusalOf(one: Operation, policy: ConsulPolicy | null): string | null {
  const denied = (right: string, name: string) => `Permission denied: token lacks permission '${right}' on "${name}"`;
  if ("KV" in one) return policy?.key === one.KV.Key ? null : denied("key:write", one.KV.Key);
  if ("Node" in one) {
    const name = one.Node.Node.Node;
    if (name === "") return "Must provide node";
    return policy?.node === name ? null : denied("node:write", name);
  }
  const { ID, Service: name, Address } = one.Service.Service;
  if (ID !== "" && name === "") return "Must provide service name (Service.Service) when service ID is provided";
  if (["0.0.0.0", "::", "[::]"].includes(Address)) return "Invalid service address";
  return policy?.service === name ? null : denied("service:write", name);
}

function waitMs(wait: string | null): number {
  const match = /^(\d+)(ms|s|m)$/.exec(wait ?? "");
  if (match === null) return DEFAULT_WAIT_MS;
  return Number(match[1]) * ({ ms: 1, s: 1_000, m: 60_000 }[match[2] ?? "s"] ?? 1_000);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
