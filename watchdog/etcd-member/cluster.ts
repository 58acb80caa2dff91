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
import type { EtcdMember } from "../adapters/etcd/wire.ts";
import type { ClusterView } from "./admission.ts";
import { type MemberConfig, ownMember } from "./config.ts";

/** A change of the members commits at a majority on two sides of an ocean, and on disks. */
const hedgeAfterMs = 3_000;
const deadlineMs = 7_000;

const notEnabled = (error: unknown) =>
  error instanceof EtcdError && error.message.includes("authentication is not enabled");
const refused = (error: unknown) => error instanceof EtcdError && error.kind === "unauthorized";

/** etcd as a member's host deals with it: by turns with and without credentials, as authentication may be on or not yet. */
export class EtcdAdministration {
  readonly #own: EtcdClient;
  readonly #others: EtcdClient;
  readonly #othersAsRoot: EtcdClient;
  readonly #all: EtcdClient;
  readonly #allAsRoot: EtcdClient;
  readonly #allAsUser: EtcdClient;
  readonly #setUp: AuthenticationSettings;

  private constructor(
    config: MemberConfig,
    tls: { ca: string; certificate: string; key: string },
    setUp: AuthenticationSettings,
  ) {
    const own = ownMember(config);
    const others = config.members.filter(({ name }) => name !== own.name);
    const client = (chosen: MemberConfig["members"], credentials: { username: string; password: string } | null) =>
      new EtcdClient({
        endpoints: chosen.map(({ clientUrl }) => clientUrl),
        tls,
        credentials,
        hedgeAfterMs,
        deadlineMs,
        clock: systemClock,
      });
    const root = { username: "root", password: setUp.rootPassword };
    this.#own = client([own], null);
    this.#others = client(others, null);
    this.#othersAsRoot = client(others, root);
    this.#all = client([own, ...others], null);
    this.#allAsRoot = client([own, ...others], root);
    this.#allAsUser = client([own, ...others], { username: setUp.user.name, password: setUp.user.password });
    this.#setUp = setUp;
  }

  static async open(config: MemberConfig): Promise<EtcdAdministration> {
    const text = (file: string) => readFile(file, "utf8");
    const [ca, certificate, key] = await Promise.all([config.caFile, config.certificateFile, config.keyFile].map(text));
    const rootPassword = (await text(config.root.passwordFile)).trim();
    const password = (await text(config.user.passwordFile)).trim();
    const user = { name: config.user.username, password, prefix: config.prefix };
    return new EtcdAdministration(
      config,
      { ca: ca ?? "", certificate: certificate ?? "", key: key ?? "" },
      { rootPassword, user },
    );
  }

  close(): void {
    for (const client of [this.#own, this.#others, this.#othersAsRoot, this.#all, this.#allAsRoot, this.#allAsUser]) {
      client.close();
    }
  }

  /** What the other planned members say about the cluster, by their majority's word. */
  async viewOfOthers(): Promise<ClusterView> {
    try {
      return { kind: "cluster", members: await this.#membersAt(this.#others, this.#othersAsRoot) };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      // A member that has not yet met a majority since its start completes no TLS handshake: it counts as unreachable.
      return error.kind === "unreachable" ? { kind: "silent" } : { kind: "no-quorum", reason: error.message };
    }
  }

  /** The members, as this host's own one answers with the majority's agreement. A learner cannot answer. */
  async membersByOwnWord(): Promise<readonly EtcdMember[]> {
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

  /** Turns authentication on, or brings the watchdogs' user to its present password. True when anything was to do. */
  async secure(): Promise<boolean> {
    const { user } = this.#setUp;
    try {
      await this.#allAsUser.get(`${user.prefix}record`);
      return false;
    } catch (error) {
      if (!notEnabled(error) && !refused(error)) throw error;
      const administrator = notEnabled(error) ? this.#all : this.#allAsRoot;
      await enableAuthentication(administrator, this.#setUp);
      if (administrator === this.#allAsRoot) await changePassword(administrator, user.name, user.password);
      return true;
    }
  }

  #membersAt(anonymous: EtcdClient, asRoot: EtcdClient): Promise<readonly EtcdMember[]> {
    return this.#administer(anonymous, asRoot, members);
  }

  /** What etcd refuses for lack of credentials was not done, so it can be asked for again with them. */
  async #administer<T>(anonymous: EtcdClient, asRoot: EtcdClient, ask: (client: EtcdClient) => Promise<T>): Promise<T> {
    try {
      return await ask(anonymous);
    } catch (error) {
      if (!refused(error)) throw error;
      return ask(asRoot);
    }
  }
}
