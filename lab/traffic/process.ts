/**
 * A small application as a process of its own: writers and a reader that know nothing but the entry. Settings, orders
 * and reports are described in protocol.ts. Every write has an id of its own and is sent once: a write without an
 * answer is counted as failed, never as acknowledged, and not sent again.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { type TrafficEvent, type TrafficSettings, trafficOrderSchema, trafficSettingsSchema } from "./protocol.ts";

function report(event: TrafficEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

class Application {
  readonly #settings: TrafficSettings;
  readonly #pool: Pool;
  readonly #authorization: string;
  readonly #acknowledged: string[] = [];
  readonly #stopping = new AbortController();

  constructor(settings: TrafficSettings) {
    this.#settings = settings;
    this.#pool = new Pool(settings.entry, {
      connections: settings.writers + 1,
      connect: { ca: settings.ca, timeout: settings.timeoutMs },
    });
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

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Reads back what was acknowledged, in batches that stay small enough for a small cluster. Reads by id need no refresh. */
  async verify(): Promise<void> {
    const missing: string[] = [];
    const batchSize = 500;
    for (let start = 0; start < this.#acknowledged.length; start += batchSize) {
      const ids = this.#acknowledged.slice(start, start + batchSize);
      const answer = (await this.#request("POST", `/${this.#settings.index}/_mget?_source=false`, { ids })) as {
        docs: { _id: string; found?: boolean }[];
      };
      missing.push(...answer.docs.filter((doc) => doc.found !== true).map((doc) => doc._id));
    }
    report({ event: "verified", found: this.#acknowledged.length - missing.length, missing });
  }

  async #write(writer: number): Promise<void> {
    for (let n = 0; !this.#stopping.signal.aborted; n++) {
      const id = `w${writer}-${n}`;
      try {
        await this.#request("PUT", `/${this.#settings.index}/_create/${id}`, {
          writer,
          n,
          at: new Date().toISOString(),
        });
        this.#acknowledged.push(id);
        report({ event: "write-acknowledged", id, atMs: Date.now() });
      } catch (error) {
        report({ event: "write-failed", id, atMs: Date.now(), reason: reasonOf(error) });
      }
      await this.#pause();
    }
  }

  async #read(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#request("POST", `/${this.#settings.index}/_search`, { size: 1, query: { match_all: {} } });
        report({ event: "read-answered", atMs: Date.now() });
      } catch (error) {
        report({ event: "read-failed", atMs: Date.now(), reason: reasonOf(error) });
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await sleep(this.#settings.pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #request(method: "GET" | "POST" | "PUT", path: string, body?: object): Promise<unknown> {
    const response = await this.#pool.request({
      method,
      path,
      headers: { authorization: this.#authorization, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(this.#settings.timeoutMs),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${response.statusCode}: ${text.slice(0, 200)}`);
    return JSON.parse(text);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

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
      application.stop();
      await running;
      await application.verify();
      break;
    default:
      order satisfies never;
  }
}
application.stop();
await running;
await application.close();
