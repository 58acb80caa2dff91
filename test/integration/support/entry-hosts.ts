import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { haproxyCfg, haproxyPaths } from "../../../infra/haproxy/haproxy-cfg.ts";
import { checkScript, checkUser, keepalivedFiles } from "../../../infra/haproxy/keepalived.ts";
import { type Host, hostsOf, type RegionPlan, regionPlan } from "../../../infra/topology/model.ts";
import { planTopology } from "../../../infra/topology/plan.ts";
import { inNetwork, ipBatch } from "../../../lab/hosts/namespaces.ts";
import { existingToolsRoot } from "../../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../../lab/machine/tools-command.ts";
import { outcomeOf, run } from "../../../lab/util/run.ts";
import { eventually } from "../../../lab/util/until.ts";
import { sendCommand } from "../../../watchdog/adapters/haproxy/runtime-api.ts";
import { testConfig, virtualAddressChanges } from "../../unit/infra-fixtures.ts";
import { type CertificateFiles, TestAuthority } from "./certificates.ts";

/** The HAProxy hosts of gra as network namespaces at one bridge, with HAProxy and keepalived as they are rendered. */

const toolsRoot = (await existingToolsRoot()) ?? "";
const topology = planTopology(testConfig(virtualAddressChanges));
const region = regionPlan(topology, "gra");
export const virtualAddress = region.virtualAddress ?? "";

/** A network namespace that ends with a process of the test. */
class Network {
  readonly file: string;
  readonly pid: number;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess, pid: number) {
    this.#keeper = keeper;
    this.pid = pid;
    this.file = `/proc/${pid}/ns/net`;
  }

  static async create(): Promise<Network> {
    const keeper = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve, reject) => {
      keeper.stdout?.once("data", resolve);
      keeper.once("exit", () => reject(new Error("no network namespace can be made")));
    });
    return new Network(keeper, keeper.pid ?? 0);
  }

  remove(): void {
    this.#keeper.kill("SIGKILL");
  }
}

const processes = ["haproxy", "keepalived"] as const;
type ProcessName = (typeof processes)[number];

export class EntryHost {
  readonly host: Host;
  readonly #directory: string;
  readonly #network: Network;
  readonly #running = new Map<ProcessName, ChildProcess>();
  output = "";

  private constructor(host: Host, directory: string, network: Network) {
    this.host = host;
    this.#directory = directory;
    this.#network = network;
  }

  static async start(host: Host, parent: string, bridge: Network, certificate: CertificateFiles): Promise<EntryHost> {
    const directory = path.join(parent, host.name);
    await mkdir(directory);
    const network = await Network.create();
    const one = new EntryHost(host, directory, network);
    const port = `port-${host.index}`;
    await run("ip", [
      ...["link", "add", "name", "eth1", "netns", String(network.pid), "type", "veth"],
      ...["peer", "name", port, "netns", String(bridge.pid)],
    ]);
    await ipBatch(bridge.file, [`link set ${port} master vrack up`]);
    await ipBatch(network.file, [`address add ${host.privateIp}/16 dev eth1`, "link set eth1 up"]);
    await one.#writeFiles(certificate);
    await one.startHaproxy();
    one.startKeepalived();
    return one;
  }

  #path(name: string): string {
    return path.join(this.#directory, name);
  }

  /** As provisioning renders them, at paths that the test may write to. */
  async #writeFiles({ certificate, key }: CertificateFiles): Promise<void> {
    const ca = path.join(path.dirname(certificate), "ca.crt");
    await writeFile(this.#path("entry.pem"), (await readFile(certificate, "utf8")) + (await readFile(key, "utf8")));
    await writeFile(this.#path("ticket.map"), "gra 0\nbhs 0\n");
    const config = haproxyCfg({ topology, check: { user: "haproxy-check", password: "secret" }, withMetrics: false })
      .replaceAll(haproxyPaths.ca, ca)
      .replaceAll(haproxyPaths.entryCertificate, this.#path("entry.pem"))
      .replaceAll(haproxyPaths.ticketMap, this.#path("ticket.map"))
      .replaceAll(haproxyPaths.adminSocket, this.#path("admin.sock"))
      // Hosts have these, and the root with the programs has not.
      .replaceAll("group es-failover", "group haproxy");
    await writeFile(this.#path("haproxy.cfg"), config);
    for (const { path: file, content, mode } of keepalivedFiles({ region, virtualAddress, host: this.host })) {
      const text = content
        .replaceAll(checkScript, this.#path(path.basename(checkScript)))
        .replaceAll("@INTERFACE@", "eth1")
        .replaceAll(checkUser, "nobody");
      await writeFile(this.#path(path.basename(file)), text);
      await chmod(this.#path(path.basename(file)), Number.parseInt(mode, 8));
    }
  }

  #start(name: ProcessName, argv: readonly string[]): void {
    const command = inNetwork(this.#network.file, toolsCommand(toolsRoot, argv, [path.dirname(this.#directory)]));
    const [program = "", ...args] = command;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
      });
    }
    this.#running.set(name, child);
  }

  async startHaproxy(): Promise<void> {
    this.#start("haproxy", ["/usr/sbin/haproxy", "-db", "-f", this.#path("haproxy.cfg")]);
    await eventually(
      () => `HAProxy of ${this.host.name} answers: ${this.output}`,
      30_000,
      async () => (await sendCommand(this.#path("admin.sock"), "show info", 1_000)).includes("Uptime"),
    );
  }

  startKeepalived(): void {
    const file = this.#path("keepalived.conf");
    this.#start("keepalived", ["/usr/sbin/keepalived", "--dont-fork", "--log-console", "--use-file", file]);
  }

  async signal(name: ProcessName, signal: NodeJS.Signals): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ends = signal === "SIGKILL" || signal === "SIGTERM";
    const ended = ends ? new Promise((resolve) => child.once("exit", resolve)) : Promise.resolve();
    child.kill(signal);
    await ended;
  }

  /** As the watchdog writes the routing ticket; `false`: an empty one. */
  async setOpen(open: boolean): Promise<void> {
    const until = open ? Date.now() + 3_600_000 : 0;
    await sendCommand(this.#path("admin.sock"), `set map ${this.#path("ticket.map")} gra ${until}`, 1_000);
  }

  async holds(): Promise<boolean> {
    return (await run("nsenter", [`--net=${this.#network.file}`, "ip", "-4", "address", "show"])).includes(
      ` ${virtualAddress}/`,
    );
  }

  /** Waits until keepalived has found the router open, or closed. */
  findsRouter(state: "open" | "closed"): Promise<void> {
    const verdicts = { succeeded: "open", failed: "closed" };
    const found = () => this.output.match(/(?<=VRRP_Script\(router_open\) )(succeeded|failed)/g)?.at(-1);
    return eventually(
      () => `keepalived of ${this.host.name} finds its router ${state}: ${this.output}`,
      60_000,
      () => Object.entries(verdicts).some(([word, verdict]) => word === found() && verdict === state),
    );
  }

  /** Another program takes the address from the interface. */
  async loseAddress(): Promise<void> {
    await ipBatch(this.#network.file, [`address del ${virtualAddress}/32 dev eth1`]);
  }

  /** Nothing leaves the host any more, its processes run on. */
  async unplug(): Promise<void> {
    await ipBatch(this.#network.file, ["link set eth1 down"]);
  }

  async plug(): Promise<void> {
    await ipBatch(this.#network.file, ["link set eth1 up"]);
  }

  async stop(): Promise<void> {
    for (const name of processes) {
      await this.signal(name, "SIGCONT");
      await this.signal(name, "SIGTERM");
    }
    this.#network.remove();
  }
}

/** Both HAProxy hosts of a region, and an application beside them. */
export class EntryHosts {
  readonly first: EntryHost;
  readonly second: EntryHost;
  readonly #directory: string;
  readonly #application: Network;

  private constructor(directory: string, application: Network, [first, second]: readonly [EntryHost, EntryHost]) {
    this.#directory = directory;
    this.#application = application;
    this.first = first;
    this.second = second;
  }

  static async start(): Promise<EntryHosts> {
    // Below a folder that root alone can write to, as `enable_script_security` demands.
    const directory = await mkdtemp("/run/es-failover-entry-");
    await chmod(directory, 0o755);
    const authority = await TestAuthority.create(directory);
    const certificate = await authority.issue("entry", "/CN=entry", [virtualAddress]);
    const application = await Network.create();
    await ipBatch(application.file, [
      "link add vrack type bridge forward_delay 0",
      "address add 192.168.9.1/16 dev vrack",
      "link set vrack up",
    ]);
    const [one, other] = hostsOf(region satisfies RegionPlan, "haproxy");
    if (one === undefined || other === undefined) throw new Error("two HAProxy hosts are needed");
    const start = (host: Host) => EntryHost.start(host, directory, application, certificate);
    return new EntryHosts(directory, application, [await start(one), await start(other)]);
  }

  get all(): readonly EntryHost[] {
    return [this.first, this.second];
  }

  /** Names of the hosts that hold the address: one, or for a moment none or both. */
  async holders(): Promise<readonly string[]> {
    const held = await Promise.all(this.all.map((host) => host.holds()));
    return this.all.filter((_, n) => held[n]).map(({ host }) => host.name);
  }

  /** The status of an answer at the virtual address, by a certificate that names it; null: none within two seconds. */
  async status(): Promise<number | null> {
    const url = `https://${virtualAddress}:9200/`;
    const options = ["--silent", "--output", "/dev/null", "--max-time", "2", "--write-out", "%{http_code}"];
    const curl = ["curl", ...options, "--cacert", path.join(this.#directory, "ca.crt"), url];
    const { exitCode, stdout } = await outcomeOf("nsenter", [`--net=${this.#application.file}`, ...curl]);
    return exitCode === 0 ? Number(stdout) : null;
  }

  async stop(): Promise<void> {
    for (const host of this.all) await host.stop();
    this.#application.remove();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
