import { Agent, request } from "undici";
import { eventually } from "../util/until.ts";
import type { ClusterAddress, Credentials, RestOptions, RestResponse } from "./cluster.ts";

/** The REST API of a test cluster, also for a process that did not start its nodes. */
export class ClusterClient implements ClusterAddress {
  readonly name: string;
  readonly urls: readonly string[];
  readonly transportAddresses: readonly string[];
  readonly ca: string;
  readonly caFile: string;
  readonly elastic: Credentials;
  readonly #agent: Agent;

  constructor({ name, urls, transportAddresses, ca, caFile, elastic }: ClusterAddress) {
    this.name = name;
    this.urls = urls;
    this.transportAddresses = transportAddresses;
    this.ca = ca;
    this.caFile = caFile;
    this.elastic = elastic;
    this.#agent = new Agent({ connect: { ca } });
  }

  async rest(method: string, pathAndQuery: string, options: RestOptions = {}): Promise<RestResponse> {
    const { username, password } = options.as ?? this.elastic;
    const payload = options.ndjson ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const timeoutMs = options.timeoutMs ?? 30_000;
    const response = await request(`${this.urls[options.node ?? 0]}${pathAndQuery}`, {
      method: method as "GET",
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(timeoutMs),
      headersTimeout: timeoutMs,
      headers: {
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
        ...(payload === undefined
          ? {}
          : { "content-type": options.ndjson === undefined ? "application/json" : "application/x-ndjson" }),
      },
      body: payload ?? null,
    });
    const text = await response.body.text();
    const isJson = String(response.headers["content-type"] ?? "").includes("json");
    return { status: response.statusCode, body: isJson && text !== "" ? JSON.parse(text) : text };
  }

  async call(method: string, pathAndQuery: string, options: RestOptions = {}) {
    const { status, body } = await this.rest(method, pathAndQuery, options);
    if (status >= 200 && status < 300) return body;
    throw new Error(`${this.name}: ${method} ${pathAndQuery} answered ${status}: ${JSON.stringify(body)}`);
  }

  async connectRemote(other: ClusterAddress): Promise<void> {
    const persistent = {
      [`cluster.remote.${other.name}.mode`]: "sniff",
      [`cluster.remote.${other.name}.seeds`]: other.transportAddresses,
    };
    await this.call("PUT", "/_cluster/settings", { body: { persistent } });
    await eventually(`${this.name} connects to remote ${other.name}`, 60_000, async () => {
      const info = await this.call("GET", "/_remote/info");
      return info[other.name]?.connected === true;
    });
  }

  /** Closes this client's connections; the cluster runs on. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
