import type { CurlAnswer } from "../../system/curl.ts";
import type { TwoRegions } from "../../system/two-regions.ts";
import { missingOf } from "../../traffic/read-back.ts";
import { type ApplicationHost, caFile } from "./application-host.ts";

/** The programs' index in the active region, reached through HAProxy with the application's user. */
export class Documents {
  readonly index: string;
  readonly #system: TwoRegions;
  readonly #host: ApplicationHost;

  private constructor(index: string, system: TwoRegions, host: ApplicationHost) {
    this.index = index;
    this.#system = system;
    this.#host = host;
  }

  /** Creates the index: the programs with direct connections may not. */
  static async inNewIndex(system: TwoRegions, host: ApplicationHost, index: string): Promise<Documents> {
    const documents = new Documents(index, system, host);
    await documents.#request("PUT", "");
    return documents;
  }

  /** Those of the ids that the index lacks. */
  async missingOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const missing = await missingOf(ids, async (body) => {
      const answer = await this.#request("POST", "/_mget?_source=false", body);
      return JSON.parse(answer.body);
    });
    return new Set(missing);
  }

  async #request(method: "PUT" | "POST", path: string, body?: object): Promise<CurlAnswer> {
    const url = `https://${await this.#host.privateIp()}:9200/${this.index}${path}`;
    const user = { name: "app", password: await this.#system.secret("appPassword") };
    const answer = await this.#system.hosts.request(this.#host.name, { url, method, user, body, caFile });
    if (answer.status === 200) return answer;
    throw new Error(`${this.index}${path}: ${answer.status} ${answer.body.slice(0, 200)}${answer.error}`);
  }
}
