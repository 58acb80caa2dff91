/**
 * A small application in its own process: writers and a reader that know the entries only. protocol.ts describes settings,
 * orders and reports. Every write has its own id and is sent once: a write without an answer counts as failed.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { errors, Pool } from "undici";
import { messageOf } from "../../watchdog/util/errors.ts";
import { Entries } from "./entries.ts";
import { type TrafficEvent, type TrafficSettings, trafficOrderSchema, trafficSettingsSchema } from "./protocol.ts";
import { missingOf } from "./read-back.ts";

/** Longer than an application's time-out, as reading back measures no response time. */
const READ_BACK_TIMEOUT_MS = 10_000;

function report(event: TrafficEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

interface ApplicationRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly body?: object;
  readonly timeoutMs?: number;
}

interface Answer {
  readonly content: unknown;
  /** The region that answered, by the entry's header. */
  readonly region: string | null;
}

class Application {
  readonly #settings: TrafficSettings;
  readonly #pools: ReadonlyMap<string, Pool>;
  readonly #authorization: string;
  readonly #acknowledged: string[] = [];
  readonly #stopping = new AbortController();

  constructor(settings: TrafficSettings) {
    this.#settings = settings;
    const options = {
      connections: settings.writers + 1,
      connect: { ca: settings.ca, timeout: settings.timeoutMs },
    };
    this.#pools = new Map(settings.entries.map((url) => [url, new Pool(url, options)]));
    this.#authorization = `Basic ${Buffer.from(`${settings.username}:${settings.password}`).toString("base64")}`;
  }

  async run(): Promise<void> {
    report({ event: "started", atMs: Date.now() });
    const writers = Array.from({ length: this.#settings.writers }, (_, writer) => this.#write(writer));
    await Promise.all([...writers, this.#read()]);
    report({ event: "stopped", atMs: Date.now() });
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Destroys connections, as those to a lost entry would never end. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  /** Reads back what was acknowledged so far. */
  async verify(): Promise<void> {
    const wanted = [...this.#acknowledged];
    const missing = await missingOf(wanted, (body) => this.#multiGet(body));
    report({ event: "verified", found: wanted.length - missing.length, missing: [...missing] });
  }

  /** One entry that serves is enough. */
  async #multiGet(body: object): Promise<unknown> {
    const path = `/${this.#settings.index}/_mget?_source=false`;
    const failures: string[] = [];
    for (const entry of this.#settings.entries) {
      try {
        const request = { method: "POST", path, body, timeoutMs: READ_BACK_TIMEOUT_MS } as const;
        return (await this.#request(entry, request)).content;
      } catch (error) {
        failures.push(`${entry}: ${messageOf(error)}`);
      }
    }
    throw new Error(`acknowledged writes cannot be read back: ${failures.join("; ")}`);
  }

  async #write(writer: number): Promise<void> {
    const entries = new Entries(this.#settings.entries, writer);
    for (let n = 0; !this.#stopping.signal.aborted; n++) {
      const id = `w${writer}-${n}`;
      const body = { writer, n, at: new Date().toISOString() };
      try {
        const path = `/${this.#settings.index}/_create/${id}`;
        const { region } = await this.#use(entries, { method: "PUT", path, body });
        this.#acknowledged.push(id);
        report({ event: "write-acknowledged", id, atMs: Date.now(), region });
      } catch (error) {
        report({ event: "write-failed", id, atMs: Date.now(), reason: messageOf(error) });
      }
      await this.#pause();
    }
  }

  async #read(): Promise<void> {
    const entries = new Entries(this.#settings.entries, 0);
    const path = `/${this.#settings.index}/_search`;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#use(entries, { method: "POST", path, body: { size: 1, query: { match_all: {} } } });
        report({ event: "read-answered", atMs: Date.now() });
      } catch (error) {
        report({ event: "read-failed", atMs: Date.now(), reason: messageOf(error) });
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await sleep(this.#settings.pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** Sends a request to the current entry. */
  async #use(entries: Entries, request: ApplicationRequest): Promise<Answer> {
    try {
      const answer = await this.#request(entries.current, request);
      entries.answered();
      return answer;
    } catch (error) {
      if (isSignOfLife(error)) entries.answered();
      else entries.silent();
      throw error;
    }
  }

  async #request(entry: string, { method, path, body, timeoutMs }: ApplicationRequest): Promise<Answer> {
    const pool = this.#pools.get(entry);
    if (pool === undefined) throw new Error(`${entry} is not an entry`);
    const response = await pool.request({
      method,
      path,
      headers: { authorization: this.#authorization, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs ?? this.#settings.timeoutMs),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Refusal(`${response.statusCode}: ${text.slice(0, 200)}`);
    const region = response.headers["es-failover-region"];
    return { content: JSON.parse(text), region: typeof region === "string" ? region : null };
  }
}

/** An answer without success. */
class Refusal extends Error {}

/** A router that closes cuts its connections, so it is alive. */
const isSignOfLife = (error: unknown) => error instanceof Refusal || error instanceof errors.SocketError;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
const application = new Application(trafficSettingsSchema.parse(JSON.parse(String(first.value))));
const running = application.run();
for await (const line of { [Symbol.asyncIterator]: () => lines }) {
  const { order } = trafficOrderSchema.parse(JSON.parse(line));
  switch (order) {
    case "stop":
      application.stop();
      break;
    case "verify":
      await application.verify();
      break;
    default:
      order satisfies never;
  }
}
application.stop();
await running;
await application.close();
