import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import { until } from "../../../lab/util/until.ts";

interface MemberStatus {
  readonly leader: string;
  readonly header: { readonly member_id: string };
}

/** The members of etcd, asked directly on their hosts and not through the watchdogs under test. */
export class EtcdMembers {
  readonly #system: TwoRegions;

  constructor(system: TwoRegions) {
    this.#system = system;
  }

  /** Hosts with a member: in this lab the hosts with a watchdog. */
  hosts(): Promise<readonly string[]> {
    return this.#system.hosts.withWatchdog();
  }

  /** Returns once the service is stopped. */
  async stop(host: string): Promise<void> {
    await this.#systemctl(host, "stop");
  }

  /** Does not wait until the member has joined the others. */
  async start(host: string): Promise<void> {
    await this.#systemctl(host, "start", "--no-block");
  }

  /** The host whose member leads. */
  async leader(): Promise<string> {
    for (const host of await this.hosts()) {
      const status = await this.#status(host).catch(() => null);
      if (status !== null && status.leader === status.header.member_id) return host;
    }
    throw new Error("no member of etcd leads");
  }

  /** Makes another member the leader. */
  async lead(host: string): Promise<void> {
    const { header } = await this.#status(host);
    const leader = await this.leader();
    if (leader !== host) await this.#ask(leader, "transfer-leadership", { targetID: header.member_id });
    await until(`etcd's member on ${host} leads`, 10_000, async () => (await this.leader().catch(() => "")) === host);
  }

  #status(host: string): Promise<MemberStatus> {
    return this.#ask(host, "status", {}) as Promise<MemberStatus>;
  }

  async #ask(host: string, call: string, body: object): Promise<unknown> {
    const address = (await this.#system.lab.host(host))?.privateIp;
    const credentials = [
      "--cacert",
      "/etc/etcd/ca.crt",
      "--cert",
      "/etc/etcd/member.crt",
      "--key",
      "/etc/etcd/member.key",
    ];
    const url = `https://${address}:2379/v3/maintenance/${call}`;
    const argv = ["curl", "--silent", "--show-error", "--fail", "--max-time", "5", ...credentials];
    const { exitCode, stdout, stderr } = await this.#system.hosts.run(host, [
      ...argv,
      "--data",
      JSON.stringify(body),
      url,
    ]);
    if (exitCode !== 0) throw new Error(`${host}: etcd, ${call}: ${stderr}`);
    return JSON.parse(stdout);
  }

  async #systemctl(host: string, ...command: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.#system.hosts.run(host, ["systemctl", ...command, "etcd"]);
    if (exitCode !== 0) throw new Error(`${host}: systemctl ${command.join(" ")} etcd: ${stderr}`);
  }
}
