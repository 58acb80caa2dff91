import { randomBytes } from "node:crypto";
import { z } from "zod";
import { type Region, regions } from "../../system/configuration.ts";
import type { TwoRegions } from "../../system/two-regions.ts";
import { type ApplicationHost, caFile } from "./application-host.ts";

const stateSchema = z.object({
  deployment: z.object({
    resources: z.array(
      z.object({ urn: z.string(), outputs: z.object({ result: z.unknown() }).partial().optional() }).loose(),
    ),
  }),
});
const secretSchema = z.object({ plaintext: z.string() });

/**
 * The user of programs that connect to Elasticsearch itself, in both regions. It may write to one index but not create
 * it: a program that misses a failover must not recreate the index in a region that was emptied. Each region has users
 * of its own, so that this one can be disabled in one region alone.
 */
export class DirectUser {
  readonly name = "ways-direct";
  readonly password: string = randomBytes(24).toString("base64url");
  readonly #system: TwoRegions;
  readonly #host: ApplicationHost;

  private constructor(system: TwoRegions, host: ApplicationHost) {
    this.#system = system;
    this.#host = host;
  }

  static async create(system: TwoRegions, host: ApplicationHost, index: string): Promise<DirectUser> {
    const user = new DirectUser(system, host);
    const role = { indices: [{ names: [index], privileges: ["read", "write"] }] };
    for (const region of regions) {
      await user.#administer(region, `role/${user.name}`, role);
      await user.#administer(region, `user/${user.name}`, { password: user.password, roles: [user.name] });
    }
    return user;
  }

  /** Refuses the user in a region, on open connections too. */
  async disable(region: Region): Promise<void> {
    await this.#administer(region, `user/${this.name}/_disable`);
  }

  async #administer(region: Region, path: string, body?: object): Promise<void> {
    const [node] = await this.#system.hosts.names(new RegExp(`^${region}-es-`));
    const address = (await this.#system.lab.host(node ?? ""))?.privateIp;
    const answer = await this.#system.hosts.request(this.#host.name, {
      ...{ url: `https://${address}:9200/_security/${path}`, method: "PUT", caFile, body },
      user: { name: "elastic", password: await superuserPassword(this.#system, region) },
    });
    if (answer.status !== 200) {
      throw new Error(`${region}: ${path}: ${answer.status} ${answer.body.slice(0, 300)}${answer.error}`);
    }
  }
}

/** Each region has its own superuser password, which only its stack's state holds. */
async function superuserPassword({ engine }: TwoRegions, region: Region): Promise<string> {
  const state = stateSchema.parse(
    JSON.parse(await engine.run(["stack", "export", "--show-secrets", "--stack", region])),
  );
  const resource = state.deployment.resources.find(({ urn }) => urn.endsWith(`::${region}-elastic`));
  return z.string().parse(JSON.parse(secretSchema.parse(resource?.outputs?.result).plaintext));
}
