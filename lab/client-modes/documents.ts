import type { CurlAnswer } from "../system/curl.ts";
import type { TwoRegions } from "../system/two-regions.ts";
import { type ApplicationHost, caFile } from "./application-host.ts";

/** Small enough for a small cluster. */
const READ_BACK_BATCH = 500;

/** The programs' index, as the region that serves holds it: asked through HAProxy, as the application's user. */
export class Documents {
  readonly index: string;
  readonly #system: TwoRegions;
  readonly #host: ApplicationHost;

  private constructor(index: string, system: TwoRegions, host: ApplicationHost) {
    this.index = index;
    this.#system = system;
    this.#host = host;
  }

  /** Not all of the programs may make an index. */
  static async inNewIndex(system: TwoRegions, host: ApplicationHost, index: string): Promise<Documents> {
    const documents = new Documents(index, system, host);
    await documents.#request("PUT", "");
    return documents;
  }

  /** Those of the ids that are not there. Reads by id need no refresh. */
  async missingOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const missing = new Set<string>();
    for (let start = 0; start < ids.length; start += READ_BACK_BATCH) {
      const wanted = ids.slice(start, start + READ_BACK_BATCH);
      const { body } = await this.#request("POST", "/_mget?_source=false", { ids: wanted });
      const { docs } = JSON.parse(body) as { docs: { _id: string; found?: boolean }[] };
      for (const { _id: id, found } of docs) if (found !== true) missing.add(id);
    }
    return missing;
  }

  async #request(method: "PUT" | "POST", path: string, body?: object): Promise<CurlAnswer> {
    const url = `https://${await this.#host.privateIp()}:9200/${this.index}${path}`;
    const user = { name: "app", password: await this.#system.secret("appPassword") };
    const answer = await this.#system.hosts.request(this.#host.name, { url, method, user, body, caFile });
    if (answer.status === 200) return answer;
    throw new Error(`${this.index}${path}: ${answer.status} ${answer.body.slice(0, 200)}${answer.error}`);
  }
}
