import { readFile } from "node:fs/promises";
import { systemClock } from "../adapters/clock.ts";
import {
  type AuthenticationSettings,
  addLearner,
  changePassword,
  enableAuthentication,
  members,
  promoteLearner,
  removeMember,
} from "../adapters/etcd/admin.ts";
import { EtcdClient } from "../adapters/etcd/client.ts";
import { EtcdError } from "../adapters/etcd/errors.ts";
import { readEtcdTls } from "../adapters/etcd/tls.ts";
import type { EtcdTls } from "../adapters/etcd/transport.ts";
import type { EtcdMember } from "../adapters/etcd/wire.ts";
import type { ObservedCluster } from "./admission.ts";
import { type MemberConfig, otherMembers, ownMember } from "./config.ts";

/** Generous: a membership change is committed by a majority on both sides of an ocean, and on disk. */
const hedgeAfterMs = 3_000;
const deadlineMs = 7_000;

export const notEnabled = (error: unknown) =>
  error instanceof EtcdError && error.message.includes("authentication is not enabled");
const refused = (error: unknown) => error instanceof EtcdError && error.kind === "unauthorized";

/** Administration of etcd from a member's host, with and without credentials: authentication may not be on yet. */
export class EtcdAdministration {
  readonly #own: EtcdClient;
  readonly #others: EtcdClient;
  readonly #othersAsRoot: EtcdClient;
  readonly #all: EtcdClient;
  readonly #allAsRoot: EtcdClient;
  readonly #allAsUser: EtcdClient;
  readonly #settings: AuthenticationSettings;

  private constructor(config: MemberConfig, tls: EtcdTls, settings: AuthenticationSettings) {
    const own = ownMember(config);
    const others = otherMembers(config);
    const client = (chosen: MemberConfig["members"], credentials: { username: string; password: string } | null) =>
      new EtcdClient({
        endpoints: chosen.map(({ clientUrl }) => clientUrl),
        tls,
        credentials,
        hedgeAfterMs,
        deadlineMs,
        clock: systemClock,
      });
    const root = { username: "root", password: settings.rootPassword };
    this.#own = client([own], null);
    this.#others = client(others, null);
    this.#othersAsRoot = client(others, root);
    this.#all = client([own, ...others], null);
    this.#allAsRoot = client([own, ...others], root);
    this.#allAsUser = client([own, ...others], { username: settings.user.name, password: settings.user.password });
    this.#settings = settings;
  }

  static async open(config: MemberConfig): Promise<EtcdAdministration> {
    const text = (file: string) => readFile(file, "utf8");
    const rootPassword = (await text(config.root.passwordFile)).trim();
    const password = (await text(config.user.passwordFile)).trim();
    const user = { name: config.user.username, password, prefix: config.prefix };
    return new EtcdAdministration(config, await readEtcdTls(config), { rootPassword, user });
  }

  close(): void {
    for (const client of [this.#own, this.#others, this.#othersAsRoot, this.#all, this.#allAsRoot, this.#allAsUser]) {
      client.close();
    }
  }

  /** The cluster as the majority of the other planned members knows it; null: none of them answers. */
  async observeOthers(): Promise<Exclude<ObservedCluster, { kind: "silent" }> | null> {
    try {
      return { kind: "cluster", members: await this.#membersAt(this.#others, this.#othersAsRoot) };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      // A member that has seen no majority since its start completes no TLS handshake, and so counts as unreachable.
      return error.kind === "unreachable" ? null : { kind: "no-quorum", reason: error.message };
    }
  }

  /** The members as the majority knows them, read from this host's own member. A learner does not answer. */
  async membersFromOwn(): Promise<readonly EtcdMember[]> {
    return members(this.#own);
  }

  async remove(id: string): Promise<void> {
    await this.#administer(this.#others, this.#othersAsRoot, (client) => removeMember(client, id));
  }

  async addLearner(peerUrl: string): Promise<void> {
    await this.#administer(this.#others, this.#othersAsRoot, (client) => addLearner(client, peerUrl));
  }

  async promote(id: string): Promise<void> {
    await this.#administer(this.#others, this.#othersAsRoot, (client) => promoteLearner(client, id));
  }

  /** Enables authentication, or updates the password of the watchdogs' user. False when nothing was to do. */
  async ensureAuthentication(): Promise<boolean> {
    const { user } = this.#settings;
    try {
      await this.#allAsUser.get(`${user.prefix}record`);
      return false;
    } catch (error) {
      if (!notEnabled(error) && !refused(error)) throw error;
      const administrator = notEnabled(error) ? this.#all : this.#allAsRoot;
      await enableAuthentication(administrator, this.#settings);
      if (administrator === this.#allAsRoot) await changePassword(administrator, user.name, user.password);
      return true;
    }
  }

  #membersAt(anonymous: EtcdClient, asRoot: EtcdClient): Promise<readonly EtcdMember[]> {
    return this.#administer(anonymous, asRoot, members);
  }

  /** A request refused for lack of credentials had no effect, so it may be repeated with them. */
  async #administer<T>(anonymous: EtcdClient, asRoot: EtcdClient, ask: (client: EtcdClient) => Promise<T>): Promise<T> {
    try {
      return await ask(anonymous);
    } catch (error) {
      if (!refused(error)) throw error;
      return ask(asRoot);
    }
  }
}
