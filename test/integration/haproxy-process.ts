import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { existingToolsRoot } from "../../lab/machine/debian-root.ts";
import { toolsCommand } from "../../lab/machine/tools-command.ts";
import { freePort } from "../../lab/util/free-ports.ts";
import { eventually } from "../../lab/util/until.ts";
import { parseProcesses } from "../../watchdog/adapters/haproxy/replies.ts";
import { writeNotes, writeRule } from "../../watchdog/adapters/haproxy/rules.ts";
import { sendCommand } from "../../watchdog/adapters/haproxy/runtime-api.ts";

const toolsRoot = await existingToolsRoot();

/** Why HAProxy cannot run here; undefined when it can. */
export const haproxyMissing: string | undefined =
  process.getuid?.() !== 0
    ? "HAProxy 3.0 runs out of a root file system of its own, which takes root"
    : toolsRoot === undefined
      ? "HAProxy 3.0 is not installed yet: npm test sets it up"
      : undefined;

/** The command of HAProxy 3.0 in the tools root, with access to this machine's /tmp. */
export const haproxyCommand = toolsCommand(toolsRoot ?? "", ["/usr/sbin/haproxy"], ["/tmp"]) as [string, ...string[]];

interface Region {
  readonly name: string;
  readonly server: Server;
  readonly port: number;
}

/**
 * A stand-in for a region's Elasticsearch: answers with the region's name; `/slow` never ends its answer, and a path with
 * `refused` is forbidden.
 */
async function startRegion(name: string): Promise<Region> {
  const server = createServer((request, response) => {
    if (request.url?.includes("refused")) response.statusCode = 403;
    if (request.url === "/slow") response.write(`${name} begins\n`);
    else response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { name, server, port: (server.address() as AddressInfo).port };
}

/** HAProxy with the routing rules of an entry, two regions behind it, and its sockets in a directory of its own. */
export class HaproxyBench {
  readonly directory: string;
  readonly entry: string;
  readonly entryPort: number;
  readonly configFile: string;
  readonly adminSocket: string;
  readonly masterSocket: string;
  readonly ticketMapFile: string;
  readonly #regions: readonly Region[];
  #master: ChildProcess | undefined;
  #output = "";

  private constructor(directory: string, entryPort: number, regions: readonly Region[]) {
    this.directory = directory;
    this.entryPort = entryPort;
    this.entry = `http://127.0.0.1:${entryPort}`;
    this.configFile = path.join(directory, "haproxy.cfg");
    this.adminSocket = path.join(directory, "admin.sock");
    this.masterSocket = path.join(directory, "master.sock");
    this.ticketMapFile = path.join(directory, "state", "ticket.map");
    this.#regions = regions;
  }

  static async start(): Promise<HaproxyBench> {
    const directory = await mkdtemp("/tmp/es-failover-haproxy-");
    await mkdir(path.join(directory, "state"));
    const regions = await Promise.all(["gra", "bhs"].map(startRegion));
    const bench = new HaproxyBench(directory, await freePort(), regions);
    await writeFile(bench.ticketMapFile, "");
    await writeFile(bench.configFile, bench.configuration());
    try {
      await bench.startHaproxy();
    } catch (error) {
      await bench.stop();
      throw error;
    }
    return bench;
  }

  /** @param extra lines for the `global` section, or whole sections */
  configuration(extra = ""): string {
    const backends = this.#regions.map(
      ({ name, port }) =>
        `backend es_${name}\n  ${writeNotes(name).join("\n  ")}\n  server ${name}-es-1 127.0.0.1:${port} check inter 200ms\n`,
    );
    return `global
  stats socket ${this.adminSocket} mode 660 level admin
  hard-stop-after 30s
${extra}
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend es
  bind 127.0.0.1:${this.entryPort}
  http-request set-var(txn.now) date(0,ms)
  http-request set-var(txn.gra) str(gra),map_str_int(${this.ticketMapFile},0),sub(txn.now)
  http-request set-var(txn.bhs) str(bhs),map_str_int(${this.ticketMapFile},0),sub(txn.now)
  ${writeRule}
  use_backend es_gra if { var(txn.gra) -m int gt 0 }
  use_backend es_bhs if { var(txn.bhs) -m int gt 0 }
  default_backend closed
${backends.join("")}backend closed
  http-request return status 503 content-type text/plain string "closed" hdr Retry-After 1
`;
  }

  async startHaproxy(): Promise<void> {
    const [program, ...leading] = haproxyCommand;
    const child = spawn(program, [...leading, "-W", "-S", this.masterSocket, "-f", this.configFile], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.#output += chunk;
    });
    this.#master = child;
    await eventually(
      () => `HAProxy starts; its output: ${this.#output}`,
      15_000,
      async () => (await this.worker()) !== null,
    );
    await eventually(
      () => "HAProxy answers on its admin socket",
      15_000,
      async () => (await sendCommand(this.adminSocket, "show info", 1_000)).includes("Uptime"),
    );
  }

  async worker(): Promise<number | null> {
    return parseProcesses(await sendCommand(this.masterSocket, "show proc", 1_000)).current;
  }

  async oldWorkers(): Promise<readonly number[]> {
    return parseProcesses(await sendCommand(this.masterSocket, "show proc", 1_000)).old;
  }

  async stopHaproxy(): Promise<void> {
    const child = this.#master;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    // SIGTERM ends master and workers at once; SIGKILL to the master alone would leave workers behind.
    child.kill("SIGTERM");
    await Promise.race([ended, delay(10_000, undefined, { ref: false })]);
    if (child.exitCode === null && child.signalCode === null) throw new Error(`HAProxy ${child.pid} does not end`);
  }

  async stop(): Promise<void> {
    await this.stopHaproxy();
    for (const { server } of this.#regions) {
      server.closeAllConnections();
      server.close();
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}
