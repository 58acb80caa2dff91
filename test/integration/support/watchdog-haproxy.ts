import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { haproxyCfg, haproxyPaths, statusPort } from "../../../infra/haproxy/haproxy-cfg.ts";
import { hostsOf } from "../../../infra/topology/model.ts";
import { planTopology } from "../../../infra/topology/plan.ts";
import { ports } from "../../../infra/topology/ports.ts";
import type { ClusterAddress } from "../../../lab/elasticsearch/cluster.ts";
import { freePorts } from "../../../lab/util/free-ports.ts";
import { eventually } from "../../../lab/util/until.ts";
import { parseMap } from "../../../watchdog/adapters/haproxy/replies.ts";
import { sendCommand } from "../../../watchdog/adapters/haproxy/runtime-api.ts";
import { users } from "../../../watchdog/config/roles.ts";
import { testConfig } from "../../unit/infra-fixtures.ts";
import { haproxyCommand } from "../haproxy-process.ts";
import { TestAuthority } from "./certificates.ts";

export interface HaproxyOptions {
  readonly pair: Readonly<Record<"gra" | "bhs", Pick<ClusterAddress, "urls" | "ca">>>;
  /** A directory for everything of this HAProxy. */
  readonly directory: string;
  /** The map file, in a directory that the watchdog owns. */
  readonly ticketMapFile: string;
  readonly checkPassword: string;
  /** May use the sockets, as the group es-failover may on a host. */
  readonly gid: number;
}

export interface Ticket {
  readonly region: string;
  readonly validUntilMs: number;
}

/**
 * A real HAProxy 3.0 with the configuration that provisioning renders, in front of two test clusters; only addresses and
 * paths are replaced.
 */
export class EntryHaproxy {
  readonly entry: string;
  /** PEM of the CA that signed the entry's certificate. */
  readonly ca: string;
  readonly adminSocket: string;
  readonly masterSocket: string;
  readonly #ticketMapFile: string;
  readonly #master: ChildProcess;

  private constructor(options: HaproxyOptions, entryPort: number, ca: string, master: ChildProcess) {
    this.entry = `https://127.0.0.1:${entryPort}`;
    this.ca = ca;
    ({ adminSocket: this.adminSocket, masterSocket: this.masterSocket } = socketsIn(options.directory));
    this.#ticketMapFile = options.ticketMapFile;
    this.#master = master;
  }

  static async start(options: HaproxyOptions): Promise<EntryHaproxy> {
    const { directory, pair, gid, ticketMapFile } = options;
    await mkdir(directory, { recursive: true });
    const authority = await TestAuthority.create(directory, "entry-ca");
    const { certificate, key } = await authority.issue("entry");
    const entryPem = (await readFile(certificate, "utf8")) + (await readFile(key, "utf8"));
    const [entryPort = 0, ownStatusPort = 0] = await freePorts(2);
    const configFile = path.join(directory, "haproxy.cfg");
    await Promise.all([
      writeFile(path.join(directory, "ca.crt"), pair.gra.ca),
      writeFile(path.join(directory, "entry.pem"), entryPem, { mode: 0o600 }),
      writeFile(configFile, localConfiguration(options, entryPort, ownStatusPort), { mode: 0o600 }),
    ]);
    const { adminSocket, masterSocket } = socketsIn(directory);
    const [program, ...leading] = haproxyCommand;
    const worker = ["-W", "-S", `${masterSocket},mode,660,gid,${gid}`, "-f", configFile];
    // Ends with the test's process, also when that is killed.
    const master = spawn("setpriv", ["--pdeathsig", "KILL", program, ...leading, ...worker], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    master.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-10_000);
    });
    const answers = async () => (await sendCommand(adminSocket, `show map ${ticketMapFile}`, 1_000)) !== "";
    const haproxy = new EntryHaproxy(options, entryPort, await authority.ca(), master);
    try {
      await eventually(() => `HAProxy starts; its output: ${output}`, 60_000, answers);
      return haproxy;
    } catch (error) {
      await haproxy.stop();
      throw error;
    }
  }

  /** The tickets in HAProxy's own map, expired ones included. */
  async tickets(): Promise<readonly Ticket[]> {
    const map = parseMap(await sendCommand(this.adminSocket, `show map ${this.#ticketMapFile}`, 5_000));
    return [...map].map(([region, validUntilMs]) => ({ region, validUntilMs: Number(validUntilMs) }));
  }

  async stop(): Promise<void> {
    if (this.#master.exitCode !== null || this.#master.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#master.once("exit", resolve));
    // SIGTERM ends master and workers at once; SIGKILL to the master alone would leave workers behind.
    this.#master.kill("SIGTERM");
    await Promise.race([ended, delay(10_000, undefined, { ref: false })]);
    if (this.#master.exitCode === null && this.#master.signalCode === null) {
      throw new Error(`HAProxy ${this.#master.pid} does not end`);
    }
  }
}

const socketsIn = (directory: string) => ({
  adminSocket: path.join(directory, "admin.sock"),
  masterSocket: path.join(directory, "master.sock"),
});

function localConfiguration(options: HaproxyOptions, entryPort: number, ownStatusPort: number): string {
  const { pair, directory, ticketMapFile, checkPassword, gid } = options;
  // A single router, whose watchdog keeps its state in a file, needs no witness.
  const regions = {
    gra: { ovhRegion: "GRA11", cidr: "192.168.1.0/24", elasticsearchNodes: 1, haproxyNodes: 0 },
    bhs: { ovhRegion: "BHS5", cidr: "192.168.2.0/24", elasticsearchNodes: 1, haproxyNodes: 1 },
  };
  const topology = planTopology(testConfig({ regions: JSON.stringify(regions), witness: "none" }));
  let config = haproxyCfg({
    topology,
    check: { user: users.haproxyCheck.name, password: checkPassword },
    withMetrics: false,
  });
  for (const region of topology.regions) {
    const [url] = region.name === "gra" ? pair.gra.urls : pair.bhs.urls;
    for (const { privateIp } of hostsOf(region, "elasticsearch")) {
      config = config.replaceAll(`${privateIp}:${ports.elasticsearchHttp}`, new URL(url ?? "").host);
    }
  }
  return config
    .replaceAll(haproxyPaths.ca, path.join(directory, "ca.crt"))
    .replaceAll(haproxyPaths.entryCertificate, path.join(directory, "entry.pem"))
    .replaceAll(haproxyPaths.ticketMap, ticketMapFile)
    .replaceAll(haproxyPaths.adminSocket, socketsIn(directory).adminSocket)
    .replaceAll(`bind :${ports.entry} `, `bind 127.0.0.1:${entryPort} `)
    .replaceAll(`127.0.0.1:${statusPort}`, `127.0.0.1:${ownStatusPort}`)
    .replaceAll("group es-failover", `gid ${gid}`);
}
