/**
 * etcd as the client sees it through the JSON gateway, in memory and on virtual time, with a network that delays, loses
 * and reorders. It stands in for the real one where thousands of unlucky histories are tried; the integration tests run
 * the same adapters against real members.
 */
import {
  type Bounds,
  type HttpAnswer,
  type Transport,
  TransportFailure,
} from "../../../watchdog/adapters/etcd/transport.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** The fate of one request. Delays in milliseconds; a request may take effect long after its sender gave up. */
export interface Fate {
  readonly requestDelayMs: number;
  readonly answerDelayMs: number;
  readonly lost: "nothing" | "request" | "answer";
}

interface Entry {
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly lease: string;
}

type Body = Record<string, unknown>;

const smooth: Fate = { requestDelayMs: 1, answerDelayMs: 1, lost: "nothing" };

export class FakeEtcd implements Transport {
  readonly #time: VirtualTime;
  readonly #keys = new Map<string, Entry>();
  readonly #leases = new Map<string, { readonly ttlMs: number; expiresMs: number }>();
  readonly #minTtlSeconds: number;
  #revision = 1;
  #lastLease = 1_000;
  /** Returns the fate of each request; by default all succeed. */
  fate: () => Fate = () => smooth;
  /** Paths of all requests that took effect, in order. */
  readonly done: string[] = [];

  constructor(time: VirtualTime, { minTtlSeconds = 1 }: { readonly minTtlSeconds?: number } = {}) {
    this.#time = time;
    this.#minTtlSeconds = minTtlSeconds;
  }

  close(): void {}

  post(url: URL, body: string, _headers: Readonly<Record<string, string>>, { answerMs }: Bounds): Promise<HttpAnswer> {
    const { requestDelayMs, answerDelayMs, lost } = this.fate();
    const startMs = this.#time.monotonicMs();
    return new Promise((resolve, reject) => {
      this.#time.at(startMs + answerMs, () =>
        reject(new TransportFailure("no answer in time", { sent: true, certificateRefused: false })),
      );
      if (lost === "request") return;
      this.#time.at(startMs + requestDelayMs, () => {
        const answer = this.#perform(url.pathname.replace("/v3/", ""), JSON.parse(body) as Body);
        if (lost === "nothing") this.#time.at(this.#time.monotonicMs() + answerDelayMs, () => resolve(answer));
      });
    });
  }

  /** A new leader restarts every lease's time to live. */
  changeLeader(): void {
    this.#expire();
    for (const lease of this.#leases.values()) lease.expiresMs = this.#time.monotonicMs() + lease.ttlMs;
  }

  value(key: string): string | undefined {
    this.#expire();
    return this.#keys.get(key)?.value;
  }

  keys(): readonly string[] {
    this.#expire();
    return [...this.#keys.keys()].sort();
  }

  delete(key: string): void {
    this.#keys.delete(key);
  }

  #perform(path: string, body: Body): HttpAnswer {
    this.#expire();
    this.done.push(path);
    switch (path) {
      case "kv/range":
        return ok(this.#range(body));
      case "kv/txn":
        return this.#transact(body);
      case "lease/grant": {
        const ttl = Math.max(Number(body["TTL"]), this.#minTtlSeconds);
        const id = String(++this.#lastLease);
        this.#leases.set(id, { ttlMs: ttl * 1_000, expiresMs: this.#time.monotonicMs() + ttl * 1_000 });
        return ok({ ID: id, TTL: String(ttl) });
      }
      case "lease/keepalive": {
        const lease = this.#leases.get(String(body["ID"]));
        if (lease !== undefined) lease.expiresMs = this.#time.monotonicMs() + lease.ttlMs;
        return ok({ result: { ID: body["ID"], ...(lease === undefined ? {} : { TTL: String(lease.ttlMs / 1_000) }) } });
      }
      case "lease/timetolive": {
        const lease = this.#leases.get(String(body["ID"]));
        const leftMs = lease === undefined ? -1_000 : lease.expiresMs - this.#time.monotonicMs();
        return ok({ ID: body["ID"], TTL: String(Math.floor(leftMs / 1_000)) });
      }
      case "lease/revoke":
        if (!this.#leases.has(String(body["ID"]))) return refused(5, "etcdserver: requested lease not found");
        this.#end(String(body["ID"]));
        return ok({});
      default:
        throw new Error(`the fake etcd knows no ${path}`);
    }
  }

  #range(body: Body) {
    const from = plain(body["key"]);
    const end = body["range_end"] === undefined ? undefined : plain(body["range_end"]);
    const found = [...this.#keys]
      .filter(([key]) => (end === undefined ? key === from : key >= from && key < end))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (body["sort_order"] === "DESCEND") found.reverse();
    const limited = body["limit"] === undefined ? found : found.slice(0, Number(body["limit"]));
    const kvs = limited.map(([key, { value, createRevision, modRevision, lease }]) => ({
      key: Buffer.from(key).toString("base64"),
      value: Buffer.from(value).toString("base64"),
      create_revision: String(createRevision),
      mod_revision: String(modRevision),
      lease,
    }));
    return { count: String(found.length), ...(body["count_only"] === true ? {} : { kvs }) };
  }

  #transact(body: Body): HttpAnswer {
    const succeeded = (body["compare"] as Body[]).every((compare) => {
      const entry = this.#keys.get(plain(compare["key"]));
      return compare["target"] === "MOD"
        ? String(entry?.modRevision ?? 0) === compare["mod_revision"]
        : String(entry?.createRevision ?? 0) === compare["create_revision"];
    });
    const operations = body[succeeded ? "success" : "failure"] as Record<string, Body>[];
    const writes = operations.some((operation) => operation["request_range"] === undefined);
    if (writes) this.#revision += 1;
    const responses = [];
    for (const operation of operations) {
      const { request_put: put, request_range: get, request_delete_range: remove } = operation;
      if (put !== undefined) {
        const lease = String(put["lease"] ?? "0");
        if (lease !== "0" && !this.#leases.has(lease)) return refused(5, "etcdserver: requested lease not found");
        this.#put(plain(put["key"]), plain(put["value"]), lease);
      }
      if (remove !== undefined) {
        const from = plain(remove["key"]);
        const end = remove["range_end"] === undefined ? `${from}\0` : plain(remove["range_end"]);
        for (const key of [...this.#keys.keys()]) if (key >= from && key < end) this.#keys.delete(key);
      }
      responses.push(get === undefined ? {} : { response_range: this.#range(get) });
    }
    return ok({ header: { revision: String(this.#revision) }, ...(succeeded ? { succeeded } : {}), responses });
  }

  #put(key: string, value: string, lease: string): void {
    const createRevision = this.#keys.get(key)?.createRevision ?? this.#revision;
    this.#keys.set(key, { value, lease, createRevision, modRevision: this.#revision });
  }

  #expire(): void {
    for (const [id, lease] of this.#leases) if (lease.expiresMs <= this.#time.monotonicMs()) this.#end(id);
  }

  #end(id: string): void {
    this.#leases.delete(id);
    for (const [key, entry] of [...this.#keys]) if (entry.lease === id) this.#keys.delete(key);
  }
}

function ok(body: object): HttpAnswer {
  return { status: 200, body: JSON.stringify(body) };
}

function refused(code: number, message: string): HttpAnswer {
  return { status: 400, body: JSON.stringify({ error: message, code, message }) };
}

function plain(encoded: unknown): string {
  return Buffer.from(String(encoded), "base64").toString("utf8");
}
