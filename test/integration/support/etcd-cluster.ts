/** Three real etcd members on loopback, with mutual TLS and authentication, for tests to kill and freeze. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { maxRequestBytes } from "../../../infra/etcd/etcd-files.ts";
import { existingToolsRoot } from "../../../lab/machine/debian-root.ts";
import { freePorts } from "../../../lab/util/free-ports.ts";
import { until } from "../../../lab/util/until.ts";
import { systemClock } from "../../../watchdog/adapters/clock.ts";
import { enableAuthentication } from "../../../watchdog/adapters/etcd/admin.ts";
import { EtcdClient, type EtcdClientOptions } from "../../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../../watchdog/adapters/etcd/errors.ts";
import { defaultPrefix } from "../../../watchdog/adapters/etcd/keys.ts";
import type { EtcdTls } from "../../../watchdog/adapters/etcd/transport.ts";
import { type CertificateFiles, TestAuthority } from "./certificates.ts";

/** The command of Debian 13's etcd; null where it is not installed, so that tests are skipped. */
export async function etcdCommand(): Promise<readonly string[] | null> {
  const root = await existingToolsRoot();
  if (root === undefined) return null;
  // With its own loader and C library, because this machine may run an older Debian.
  const loaders = ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"].map((file) =>
    path.join(root, "usr", file),
  );
  const loader = loaders.find(existsSync);
  if (loader === undefined) return null;
  const libraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((name) => path.join(root, "usr/lib", name));
  return [loader, "--library-path", libraries.join(":"), path.join(root, "usr/bin/etcd")];
}

/** One member: a process that can be killed, frozen and restarted on its data. */
export class EtcdMemberProcess {
  readonly endpoint: string;
  readonly #command: readonly string[];
  #process: ChildProcess | null = null;
  #output = "";

  constructor(endpoint: string, command: readonly string[]) {
    this.endpoint = endpoint;
    this.#command = command;
  }

  start(): void {
    if (this.#process !== null) return;
    // Ends with the test's process, also when that is killed.
    const member = spawn("setpriv", ["--pdeathsig", "KILL", ...this.#command], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = member;
    member.stderr.on("data", (text: Buffer) => {
      this.#output = (this.#output + text.toString()).slice(-20_000);
    });
  }

  /** SIGKILL: like a loss of power, except that the port refuses connections at once. */
  async kill(): Promise<void> {
    const member = this.#process;
    this.#process = null;
    if (member === null || member.exitCode !== null || member.signalCode !== null) return;
    const ended = new Promise((resolve) => member.once("exit", resolve));
    member.kill("SIGKILL");
    await ended;
  }

  /** SIGSTOP: the port accepts connections, and no request is answered. Returns once every thread has stopped. */
  async freeze(): Promise<void> {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error(`the member at ${this.endpoint} does not run`);
    this.#process?.kill("SIGSTOP");
    await until(`the member at ${this.endpoint} has stopped`, 5_000, async () => {
      const threads = await readdir(`/proc/${pid}/task`);
      const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, "utf8")));
      return states.every((state) => /^State:\s+T/m.test(state));
    });
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** The end of its log, for a failed test. */
  get output(): string {
    return this.#output;
  }
}

export interface EtcdClusterOptions {
  /** Default 1000 ms, as for the fast profile; the heartbeat is a tenth of it. */
  readonly electionTimeoutMs?: number;
  /** At this size of its data a member takes no write. Default: etcd's own, 2 GiB. */
  readonly quotaBytes?: number;
}

export class EtcdCluster {
  readonly members: readonly EtcdMemberProcess[];
  readonly endpoints: readonly string[];
  readonly tls: EtcdTls;
  readonly authority: TestAuthority;
  /** The watchdogs' user: may read and write the default prefix, and nothing else. */
  readonly credentials = { username: "es-failover", password: randomBytes(12).toString("hex") };
  readonly rootCredentials = { username: "root", password: randomBytes(12).toString("hex") };
  readonly #directory: string;
  readonly #clients: EtcdClient[] = [];

  private constructor(
    directory: string,
    authority: TestAuthority,
    tls: EtcdTls,
    members: readonly EtcdMemberProcess[],
  ) {
    this.#directory = directory;
    this.authority = authority;
    this.tls = tls;
    this.members = members;
    this.endpoints = members.map(({ endpoint }) => endpoint);
  }

  /** Starts the members and returns once they have a leader and require authentication. */
  static async start({ electionTimeoutMs = 1_000, quotaBytes = 0 }: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const program = await etcdCommand();
    if (program === null) throw new Error("there is no etcd: run `npm test`, which sets it up");
    const directory = await mkdtemp(path.join(tmpdir(), "es-failover-etcd-"));
    const authority = await TestAuthority.create(directory);
    const memberFiles = await authority.issue("member");
    const tls = await clientTls(authority, "client");
    const ports = await freePorts(6);
    const names = ["gra", "bhs", "witness"];
    const at = (index: number) => ({ client: urlAt(ports[index]), peer: urlAt(ports[index + 3]) });
    const initialCluster = names.map((name, index) => `${name}=${at(index).peer}`).join(",");
    const members = names.map((name, index) => {
      const { client, peer } = at(index);
      const own = ["--name", name, "--data-dir", path.join(directory, name)];
      const urls = [
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", initialCluster],
      ];
      const timing = [
        "--heartbeat-interval",
        `${electionTimeoutMs / 10}`,
        "--election-timeout",
        `${electionTimeoutMs}`,
      ];
      const sizes = ["--max-request-bytes", `${maxRequestBytes}`, "--quota-backend-bytes", `${quotaBytes}`];
      const rest = [...tlsArguments(authority.caFile, memberFiles), "--unsafe-no-fsync", "--log-level", "warn"];
      return new EtcdMemberProcess(client, [...program, ...own, ...urls, ...timing, ...sizes, ...rest]);
    });
    const cluster = new EtcdCluster(directory, authority, tls, members);
    try {
      for (const member of members) member.start();
      await cluster.#enableAuthentication();
    } catch (error) {
      await cluster.stop();
      const output = members.map((member) => member.output).join("\n");
      throw new Error(`etcd did not start; the end of its output:\n${output}`, { cause: error });
    }
    return cluster;
  }

  /** A client as a watchdog has it. Closed with the cluster. */
  client(overrides: Partial<EtcdClientOptions> = {}): EtcdClient {
    const { endpoints, tls, credentials } = this;
    const client = new EtcdClient({ endpoints, tls, credentials, clock: systemClock, ...overrides });
    this.#clients.push(client);
    return client;
  }

  /** The member that reports itself as the leader. */
  async leader(): Promise<EtcdMemberProcess> {
    const client = this.client({ credentials: null });
    let found: EtcdMemberProcess | undefined;
    await until("etcd has a leader", 15_000, async () => {
      const statuses = await client.statuses();
      const leading = statuses.flatMap((status) => (status instanceof EtcdError || !status.isLeader ? [] : [status]));
      found = this.members.find(({ endpoint }) => endpoint === leading[0]?.endpoint);
      return found !== undefined;
    });
    if (found === undefined) throw new Error("unreachable");
    return found;
  }

  /** Thaws and starts every member, and returns once each knows a leader. */
  async heal(): Promise<void> {
    for (const member of this.members) {
      member.thaw();
      member.start();
    }
    const client = this.client({ credentials: null });
    await until("every etcd member has a leader", 20_000, async () => {
      const statuses = await client.statuses();
      return statuses.every((status) => !(status instanceof EtcdError) && status.hasLeader);
    });
  }

  /** Ends all processes and removes all files. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const member of this.members) member.thaw();
    await Promise.all(this.members.map((member) => member.kill()));
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #enableAuthentication(): Promise<void> {
    await this.heal();
    await enableAuthentication(this.client({ credentials: null }), {
      rootPassword: this.rootCredentials.password,
      user: { name: this.credentials.username, password: this.credentials.password, prefix: defaultPrefix },
    });
  }
}

/** Certificates for a client, from this authority. */
export async function clientTls(authority: TestAuthority, name: string, subject?: string): Promise<EtcdTls> {
  const files = await authority.issue(name, subject);
  const [ca, certificate, key] = await Promise.all([
    authority.ca(),
    readFile(files.certificate, "utf8"),
    readFile(files.key, "utf8"),
  ]);
  return { ca, certificate, key };
}

function tlsArguments(caFile: string, { certificate, key }: CertificateFiles): readonly string[] {
  const own = (prefix: string) => [`--${prefix}cert-file`, certificate, `--${prefix}key-file`, key];
  return [
    ...[...own(""), "--trusted-ca-file", caFile, "--client-cert-auth"],
    ...[...own("peer-"), "--peer-trusted-ca-file", caFile, "--peer-client-cert-auth"],
  ];
}

function urlAt(port: number | undefined): string {
  if (port === undefined) throw new Error("no port left");
  return `https://127.0.0.1:${port}`;
}
