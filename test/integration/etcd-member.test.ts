import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../../lab/util/free-ports.ts";
import { until } from "../../lab/util/until.ts";
import { systemClock } from "../../watchdog/adapters/clock.ts";
import { members } from "../../watchdog/adapters/etcd/admin.ts";
import { EtcdClient } from "../../watchdog/adapters/etcd/client.ts";
import { EtcdError } from "../../watchdog/adapters/etcd/errors.ts";
import { completeMember } from "../../watchdog/etcd-member/complete.ts";
import type { MemberConfig } from "../../watchdog/etcd-member/config.ts";
import { prepareMember } from "../../watchdog/etcd-member/prepare.ts";
import { type CertificateFiles, TestAuthority } from "./support/certificates.ts";
import { clientTls, etcdCommand } from "./support/etcd-cluster.ts";

const program = await etcdCommand();
const missing = program === null ? "(skipped: no etcd here; `npm test` installs it)" : "";
const names = ["gra", "bhs", "witness"] as const;

/** A host with a member of etcd, as its units run it: prepare, etcd, complete. */
class MemberHost {
  readonly config: MemberConfig;
  readonly reported: string[] = [];
  readonly #files: CertificateFiles;
  #etcd: ChildProcess | null = null;

  constructor(config: MemberConfig, files: CertificateFiles) {
    this.config = config;
    this.#files = files;
  }

  /** Everything that systemd does; resolves once the member is complete. */
  async bringUp(signal: AbortSignal): Promise<void> {
    const completed = this.complete(signal);
    completed.catch(() => {});
    await this.prepare(signal);
    await this.startEtcd();
    await completed;
  }

  prepare(signal: AbortSignal): Promise<void> {
    return prepareMember({ config: this.config, report: (sentence) => this.reported.push(sentence), signal });
  }

  complete(signal: AbortSignal): Promise<void> {
    return completeMember({ config: this.config, report: (sentence) => this.reported.push(sentence), signal });
  }

  async startEtcd(): Promise<void> {
    if (program === null) throw new Error("no etcd");
    const environment = Object.fromEntries(
      (await readFile(this.config.environmentFile, "utf8"))
        .trim()
        .split("\n")
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    const own = this.config.members.find(({ name }) => name === this.config.name);
    if (own === undefined) throw new Error("no such member");
    const { certificate, key } = this.#files;
    const tls = (prefix: string) => [
      ...[`--${prefix}cert-file`, certificate, `--${prefix}key-file`, key],
      ...[`--${prefix}trusted-ca-file`, this.config.caFile, `--${prefix}client-cert-auth`],
    ];
    const urls = [
      ...["--listen-client-urls", own.clientUrl, "--advertise-client-urls", own.clientUrl],
      ...["--listen-peer-urls", own.peerUrl, "--initial-advertise-peer-urls", own.peerUrl],
    ];
    const rest = [
      "--heartbeat-interval",
      "100",
      "--election-timeout",
      "1000",
      "--unsafe-no-fsync",
      "--log-level",
      "error",
    ];
    const args = [
      "--name",
      own.name,
      "--data-dir",
      this.config.dataDirectory,
      ...urls,
      ...tls(""),
      ...tls("peer-"),
      ...rest,
    ];
    this.#etcd = spawn("setpriv", ["--pdeathsig", "KILL", ...program, ...args], { env: environment, stdio: "ignore" });
  }

  async kill(): Promise<void> {
    const etcd = this.#etcd;
    this.#etcd = null;
    if (etcd === null || etcd.exitCode !== null) return;
    const ended = new Promise((resolve) => etcd.once("exit", resolve));
    etcd.kill("SIGKILL");
    await ended;
  }

  /** A rebuilt host has an empty disk. */
  async loseDisk(): Promise<void> {
    await rm(path.dirname(this.config.dataDirectory), { recursive: true });
    await mkdir(path.dirname(this.config.dataDirectory));
  }
}

describe.skipIf(missing !== "")(`three hosts with a member of etcd each ${missing}`, () => {
  let directory: string;
  let authority: TestAuthority;
  let hosts: readonly MemberHost[];
  let stop: AbortController;
  const clients: EtcdClient[] = [];

  beforeAll(async () => {
    stop = new AbortController();
    directory = await mkdtemp(path.join(tmpdir(), "es-failover-etcd-member-"));
    authority = await TestAuthority.create(directory);
    const files = await authority.issue("member");
    const ports = await freePorts(9);
    const planned = names.map((name, index) => ({
      name,
      clientUrl: `https://127.0.0.1:${ports[index]}`,
      peerUrl: `https://127.0.0.1:${ports[index + 3]}`,
      founderUrl: `https://127.0.0.1:${ports[index + 6]}`,
    }));
    const secret = async (name: string, text: string) => {
      await writeFile(path.join(directory, name), `${text}\n`, { mode: 0o600 });
      return path.join(directory, name);
    };
    const root = { username: "root", passwordFile: await secret("root-password", "of-root") };
    const user = { username: "es-failover", passwordFile: await secret("password", "of-watchdogs") };
    hosts = await Promise.all(
      names.map(async (name) => {
        const own = path.join(directory, name);
        await mkdir(path.join(own, "disk"), { recursive: true });
        const config: MemberConfig = {
          ...{ name, members: planned, root, user, prefix: "/es-failover/" },
          dataDirectory: path.join(own, "disk", "data"),
          environmentFile: path.join(own, "run", "bootstrap.env"),
          permissionFile: path.join(own, "found-new-cluster"),
          ...{ caFile: authority.caFile, certificateFile: files.certificate, keyFile: files.key },
        };
        await writeFile(config.permissionFile, "");
        return new MemberHost(config, files);
      }),
    );
  });

  afterAll(async () => {
    stop.abort();
    for (const client of clients) client.close();
    await Promise.all(hosts.map((host) => host.kill()));
    await rm(directory, { recursive: true, force: true });
  });

  const host = (name: (typeof names)[number]) => {
    const found = hosts.find(({ config }) => config.name === name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  };

  async function clientAs(credentials: { username: string; password: string } | null): Promise<EtcdClient> {
    const endpoints = host("bhs").config.members.map(({ clientUrl }) => clientUrl);
    const tls = await clientTls(authority, "client");
    const client = new EtcdClient({ endpoints, tls, credentials, clock: systemClock });
    clients.push(client);
    return client;
  }

  const reports = (name: (typeof names)[number], what: RegExp, from = 0) =>
    until(`${name} reports ${what}`, 30_000, async () =>
      host(name)
        .reported.slice(from)
        .some((line) => what.test(line)),
    );

  const watchdogs = { username: "es-failover", password: "of-watchdogs" };
  const voters = async () => (await members(await clientAs(null))).filter(({ isLearner }) => !isLearner);

  test("come up one after the other, wait for the last, and finish with authentication enabled", async () => {
    const first = host("gra").bringUp(stop.signal);
    await reports("gra", /etcd waits: .* bhs and witness cannot be reached/);
    const second = host("bhs").bringUp(stop.signal);
    await reports("gra", /etcd waits: .* witness cannot be reached/);
    await reports("bhs", /etcd waits: .* witness cannot be reached/);
    await Promise.all([first, second, host("witness").bringUp(stop.signal)]);
    expect((await voters()).map(({ name }) => name).sort()).toEqual(["bhs", "gra", "witness"]);
    const client = await clientAs(watchdogs);
    await client.transact("write", { compare: [], success: [{ put: "/es-failover/record", value: "r" }], failure: [] });
    await expect((await clientAs(null)).get("/es-failover/record")).rejects.toThrow(/refused the credentials/);
    await expect(client.get("/elsewhere")).rejects.toThrow(/permission denied/);
  }, 60_000);

  test("a member that was only stopped continues on its data without asking the others", async () => {
    const before = (await voters()).map(({ id }) => id).sort();
    await host("bhs").kill();
    await host("bhs").bringUp(stop.signal);
    expect((await voters()).map(({ id }) => id).sort()).toEqual(before);
  }, 30_000);

  test("the member of a rebuilt host returns as a new voter with the data", async () => {
    const before = (await voters()).find(({ name }) => name === "gra")?.id;
    await host("gra").kill();
    await host("gra").loseDisk();
    await host("gra").bringUp(stop.signal);
    const after = (await voters()).find(({ name }) => name === "gra");
    expect(after?.id).toMatch(/^\d+$/);
    expect(after?.id).not.toBe(before);
    await host("bhs").kill();
    const client = await clientAs(watchdogs);
    let record: string | undefined;
    // The killed member may have led: until the other two have elected a leader, calls time out.
    await until("the returned member and the witness answer on their own", 30_000, async () => {
      try {
        record = (await client.get("/es-failover/record"))?.value;
        return true;
      } catch (error) {
        if (error instanceof EtcdError && (error.kind === "timeout" || error.kind === "no-quorum")) return false;
        throw error;
      }
    });
    expect(record).toBe("r");
    await host("bhs").bringUp(stop.signal);
  }, 90_000);

  test("a return that was interrupted at a step is resumed", async () => {
    await host("gra").kill();
    await host("gra").loseDisk();
    const seen = new Set<string>();
    for (const step of ["A member is removed", "This member asks to join as a learner"]) {
      const interrupted = new AbortController();
      const from = host("gra").reported.length;
      const run = host("gra")
        .prepare(interrupted.signal)
        .catch(() => {});
      await until(step, 30_000, async () =>
        host("gra")
          .reported.slice(from)
          .some((line) => line.startsWith(step)),
      );
      seen.add(step);
      interrupted.abort();
      await run;
    }
    await host("gra").bringUp(stop.signal);
    expect(seen.size).toBe(2);
    expect(await voters()).toHaveLength(3);
  }, 90_000);

  test("a member without data waits while the others have no majority or do not answer", async () => {
    await host("witness").kill();
    await host("witness").loseDisk();
    await host("gra").kill();
    const waiting = new AbortController();
    let started = false;
    const prepared = host("witness")
      .prepare(waiting.signal)
      .then(() => {
        started = true;
      })
      .catch(() => {});
    await reports("witness", /etcd waits: the cluster has no majority/);
    await host("bhs").kill();
    await reports("witness", /etcd waits: no other member answers, and this host replaces an earlier one/);
    expect(started).toBe(false);
    await Promise.all([host("gra").bringUp(stop.signal), host("bhs").bringUp(stop.signal)]);
    await prepared;
    expect(started).toBe(true);
    await host("witness").startEtcd();
    await host("witness").complete(stop.signal);
    expect(await voters()).toHaveLength(3);
  }, 120_000);

  test("two rebuilt hosts whose stacks' states were lost found no second cluster without the third, unless an operator confirms it", async () => {
    const rebuilt = ["gra", "witness"] as const;
    for (const name of names) await host(name).kill();
    for (const name of rebuilt) {
      await host(name).loseDisk();
      // As provisioning does for what a new state takes for the first host in its place.
      await writeFile(host(name).config.permissionFile, "");
    }
    const from = rebuilt.map((name) => host(name).reported.length);
    const apart = new AbortController();
    const ups = rebuilt.map((name) => host(name).bringUp(apart.signal));
    for (const [index, name] of rebuilt.entries())
      await reports(name, /together, and bhs cannot be reached/, from[index]);
    const third = host("bhs").bringUp(apart.signal);
    await reports("bhs", /etcd starts/);
    for (const name of rebuilt) expect(existsSync(host(name).config.dataDirectory)).toBe(false);
    apart.abort();
    await Promise.allSettled([...ups, third]);

    await host("bhs").kill();
    await host("bhs").loseDisk();
    for (const name of names) await writeFile(host(name).config.permissionFile, "confirmed\n");
    await Promise.all(names.map((name) => host(name).bringUp(stop.signal)));
    expect(await voters()).toHaveLength(3);
  }, 120_000);
});
