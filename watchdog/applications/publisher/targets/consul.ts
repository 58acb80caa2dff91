import { z } from "zod";
import type { ConsulSettings } from "../../../config/applications.ts";
import type { HttpClient, HttpReply } from "../../../util/http-client.ts";
import type { Live } from "../../../util/live.ts";
import { jsonOf } from "../../endpoint/answers.ts";
import { parsed } from "./etcd-keys.ts";
import { HigherEpoch, type Outcome, type PublishableState, type Target } from "./target.ts";

/** Answer of `GET /v1/kv/:key`, as far as needed here. */
const pairsSchema = z.tuple([z.object({ Value: z.string().nullable(), ModifyIndex: z.number().int() })]);
const failureSchema = z.object({ Errors: z.array(z.object({ What: z.string() })).nullable() });

/**
 * Consul's KV store and catalog, for programs that watch them or use its DNS: a key has the endpoint as JSON; a service has
 * its address and is absent while no region accepts writes. Both change in one transaction, which fails if the key was
 * changed in the meantime (check-and-set), so that a lower epoch never replaces a higher one.
 */
export class ConsulTarget implements Target {
  readonly name: string;
  readonly #settings: ConsulSettings;
  readonly #client: HttpClient;
  readonly #token: Live<string> | null;

  constructor(settings: ConsulSettings, client: HttpClient, token: Live<string> | null) {
    this.name = `Consul ${settings.key}`;
    this.#settings = settings;
    this.#client = client;
    this.#token = token;
  }

  async publish(state: PublishableState): Promise<Outcome> {
    const wanted = JSON.stringify(jsonOf(state));
    const { value, index } = await this.#read();
    const published = value === null ? null : parsed(value);
    if (published !== null && published.epoch > state.epoch) {
      throw new HigherEpoch(this.name, published.epoch, state.epoch);
    }
    if (value !== wanted || !(await this.#hasService(state))) await this.#write(state, wanted, index);
    return { summary: wanted, usedEpoch: null, notifiedEpoch: null, waitingFor: null, warnings: [] };
  }

  /** `consistent` excludes stale reads from a server that lost its leader. Index 0: the key is absent. */
  async #read(): Promise<{ readonly value: string | null; readonly index: number }> {
    const reply = await this.#send("GET", `/v1/kv/${this.#settings.key}`, { consistent: "" });
    if (reply.status === 404) return { value: null, index: 0 };
    const [{ Value, ModifyIndex }] = pairsSchema.parse(JSON.parse(this.#requireOk(reply, "read of the key")));
    return { value: Buffer.from(Value ?? "", "base64").toString("utf8"), index: ModifyIndex };
  }

  /** An operator may have removed it from the catalog. */
  async #hasService(state: PublishableState): Promise<boolean> {
    const { service, node } = this.#settings;
    const reply = await this.#send("GET", `/v1/catalog/service/${service}`, { consistent: "" });
    const entries = z
      .array(z.object({ Node: z.string(), ServiceAddress: z.string(), ServicePort: z.number() }))
      .parse(JSON.parse(this.#requireOk(reply, "read of the service")));
    const [own] = entries.filter(({ Node }) => Node === node);
    if (state.phase !== "serving") return own === undefined;
    return own?.ServiceAddress === state.host && own.ServicePort === state.port;
  }

  async #write(state: PublishableState, value: string, index: number): Promise<void> {
    const { key, service, node } = this.#settings;
    const Value = Buffer.from(value, "utf8").toString("base64");
    const pair = { KV: { Verb: "cas", Key: key, Value, Index: index } };
    const entry =
      state.phase === "serving"
        ? [
            // A documentation address: the node exists only for its service.
            { Node: { Verb: "set", Node: { Node: node, Address: "192.0.2.1" } } },
            { Service: { Verb: "set", Node: node, Service: serviceOf(service, state) } },
          ]
        : // Deleting an absent service is no error. Consul needs the name to check the token's permission.
          [{ Service: { Verb: "delete", Node: node, Service: { ID: service, Service: service } } }];
    const reply = await this.#send("PUT", "/v1/txn", {}, JSON.stringify([pair, ...entry]));
    if (reply.status !== 409) this.#requireOk(reply, "transaction");
    else throw new Error(`${this.name}: refused: ${reasonsIn(reply.body)}`);
  }

  #send(
    method: "GET" | "PUT",
    path: string,
    query: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<HttpReply> {
    const { url, datacenter, timeoutMs } = this.#settings;
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
    if (datacenter !== null) target.searchParams.set("dc", datacenter);
    return this.#client.ask(target, {
      method,
      timeoutMs,
      headers: {
        ...(this.#token === null ? {} : { "x-consul-token": this.#token.current }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
    });
  }

  #requireOk({ status, body }: HttpReply, what: string): string {
    if (status === 200) return body;
    const hint = status === 403 ? " (check the policy of the token)" : "";
    throw new Error(`${this.name}: ${what}: answered ${status}: ${body.trim().slice(0, 300)}${hint}`);
  }
}

function serviceOf(service: string, { epoch, region, host, port }: Extract<PublishableState, { phase: "serving" }>) {
  return {
    ID: service,
    Service: service,
    Address: host,
    Port: port,
    Tags: [region],
    Meta: { region, epoch: String(epoch) },
    // A transaction applies no defaults: it would store 0, which excludes an entry from SRV answers.
    Weights: { Passing: 1, Warning: 1 },
  };
}

function reasonsIn(body: string): string {
  try {
    const { Errors } = failureSchema.parse(JSON.parse(body));
    return (Errors ?? []).map(({ What }) => What).join("; ") || body.slice(0, 300);
  } catch {
    return body.trim().slice(0, 300);
  }
}
