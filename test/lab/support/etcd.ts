import { etcdPaths } from "../../../infra/etcd/etcd-files.ts";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";
import { until } from "../../../lab/util/until.ts";

const credentials = ["--cacert", etcdPaths.ca, "--cert", etcdPaths.certificate, "--key", etcdPaths.key];

/** Large, and smaller than what a request may hold. */
const FILLER_BYTES = 4 << 20;
/** More than the default quota of 512 MiB. */
const FILLERS_MAX = 160;
const FILL_TIMEOUT_MS = 240_000;

interface MemberStatus {
  readonly leader: string;
  readonly header: { readonly member_id: string; readonly cluster_id: string };
  readonly isLearner?: boolean;
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

  /** The identity of a host's member while it votes and knows a leader, else null. */
  async voter(host: string): Promise<{ readonly member: string; readonly cluster: string } | null> {
    const status = await this.#status(host).catch(() => null);
    if (status === null || status.isLearner === true || status.leader === "0") return null;
    return { member: status.header.member_id, cluster: status.header.cluster_id };
  }

  /** Makes another member the leader. */
  async lead(host: string): Promise<void> {
    const { header } = await this.#status(host);
    const leader = await this.leader();
    if (leader !== host) await this.#ask(leader, "transfer-leadership", { targetID: header.member_id });
    await until(`etcd's member on ${host} leads`, 10_000, async () => (await this.leader().catch(() => "")) === host);
  }

  /**
   * Overwrites a key of no one's, as root, until the members refuse: old values fill the quota before they are forgotten.
   * @returns the refusal
   */
  async fill(host: string): Promise<string> {
    const script = `
set -eu
umask 077
work=$(mktemp --directory /var/tmp/fill.XXXXXX)
trap 'rm --recursive $work' EXIT
ask() { curl --silent --show-error ${credentials.join(" ")} --data-binary "@$1" "https://$0:2379/v3/$2"; }
printf '{"name":"root","password":"%s"}' "$(cat ${etcdPaths.rootPassword})" >$work/login
token=$(ask $work/login auth/authenticate | grep --only-matching '"token":"[^"]*' | cut --delimiter='"' --fields=4)
{ printf '{"key":"%s","value":"' "$(printf /filler | base64)"; head --bytes=${FILLER_BYTES} /dev/zero | base64 --wrap=0; printf '"}'; } >$work/put
curl --silent --show-error --fail-with-body --fail-early ${credentials.join(" ")} --header "Authorization: $token" \
  --output $work/answer --data-binary @$work/put "https://$0:2379/v3/kv/put#[1-${FILLERS_MAX}]" || cat $work/answer`;
    const address = (await this.#system.lab.host(host))?.privateIp ?? "";
    const { stdout, stderr } = await this.#system.lab.exec(host, ["bash", "-c", script, address], {
      timeoutMs: FILL_TIMEOUT_MS,
    });
    if (stdout === "") throw new Error(`${host}: etcd takes more than its quota, or could not be asked: ${stderr}`);
    return stdout;
  }

  #status(host: string): Promise<MemberStatus> {
    return this.#ask(host, "status", {}) as Promise<MemberStatus>;
  }

  async #ask(host: string, call: string, body: object): Promise<unknown> {
    const address = (await this.#system.lab.host(host))?.privateIp;
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
