import { randomBytes } from "node:crypto";
import { type Region, regions } from "../../system/configuration.ts";
import { asSuperuser } from "../../system/superuser.ts";
import type { TwoRegions } from "../../system/two-regions.ts";
import { type ApplicationHost, caFile } from "./application-host.ts";

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
    await asSuperuser(this.#system, region, { path: `/_security/${path}`, body, from: this.#host.name, caFile });
  }
}
