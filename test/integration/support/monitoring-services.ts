import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:https";
import path from "node:path";
import { text } from "node:stream/consumers";
import type { Monitoring } from "../../../infra/config/monitoring.ts";
import { haproxyCfg, haproxyPaths, statusPort } from "../../../infra/haproxy/haproxy-cfg.ts";
import { ruleFiles, withDelays } from "../../../infra/monitoring/alert-rules.ts";
import { alertmanagerYml } from "../../../infra/monitoring/alertmanager-files.ts";
import { monitoringPaths } from "../../../infra/monitoring/paths.ts";
import { alertmanagerAddress, prometheusAddress, prometheusYml } from "../../../infra/monitoring/prometheus-files.ts";
import { hostsOf } from "../../../infra/topology/model.ts";
import { planTopology } from "../../../infra/topology/plan.ts";
import { ports } from "../../../infra/topology/ports.ts";
import { createTestAuthority, type PemPair } from "../../../lab/elasticsearch/certificates.ts";
import { toolsCommand } from "../../../lab/machine/tools-command.ts";
import { freePorts } from "../../../lab/util/free-ports.ts";
import { testConfig } from "../../unit/infra-fixtures.ts";

const topology = planTopology(testConfig());
const nodes = topology.regions.flatMap((region) => hostsOf(region, "elasticsearch"));

/** A message of Alertmanager. */
export interface Message {
  readonly path: string;
  readonly body: string;
}

/** The rendered Prometheus, Alertmanager and HAProxy on loopback, with a node that answers health checks, and receivers. */
export class MonitoringServices {
  readonly directory: string;
  readonly prometheus: string;
  readonly haproxyMetrics: string;
  readonly ca: string;
  readonly messages: Message[] = [];
  readonly #tools: string;
  readonly #identity: PemPair;
  readonly #nodePort: number;
  readonly #running: ChildProcess[] = [];
  readonly #receiver = createHttpServer(async (request, response) => {
    this.messages.push({ path: request.url ?? "", body: await text(request) });
    response.end();
  });
  #node: Server | null = null;

  private constructor(
    tools: string,
    directory: string,
    tls: { ca: string; identity: PemPair },
    free: readonly number[],
  ) {
    this.#tools = tools;
    this.directory = directory;
    this.ca = tls.ca;
    this.#identity = tls.identity;
    const [prometheus = 0, , metrics = 0, node = 0] = free;
    this.prometheus = `http://127.0.0.1:${prometheus}`;
    this.haproxyMetrics = `127.0.0.1:${metrics}`;
    this.#nodePort = node;
  }

  static async start(tools: string, monitoring: Monitoring): Promise<MonitoringServices> {
    const directory = await mkdtemp("/tmp/es-failover-monitoring-");
    const authority = await createTestAuthority("monitoring test");
    const identity = await authority.issue("test", { ips: ["127.0.0.1"], hosts: nodes.map(({ name }) => name) });
    const free = await freePorts(7);
    const services = new MonitoringServices(tools, directory, { ca: authority.certificate, identity }, free);
    try {
      await services.#begin(monitoring, free);
      return services;
    } catch (error) {
      await services.stop();
      throw error;
    }
  }

  /** The node answers every health check. */
  async startNode(): Promise<void> {
    const { certificate, key } = this.#identity;
    this.#node = createServer({ cert: certificate, key }, (_request, response) => response.end("{}"));
    this.#node.listen(this.#nodePort, "127.0.0.1");
    await once(this.#node, "listening");
  }

  stopNode(): void {
    this.#node?.close();
    this.#node?.closeAllConnections();
    this.#node = null;
  }

  async stop(): Promise<void> {
    this.stopNode();
    this.#receiver.close();
    this.#receiver.closeAllConnections();
    await Promise.all(
      this.#running.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        child.kill();
        await ended;
      }),
    );
    await rm(this.directory, { recursive: true, force: true });
  }

  async #begin(monitoring: Monitoring, free: readonly number[]): Promise<void> {
    const [prometheus = 0, alertmanager = 0, , , receiver = 0, entry = 0, status = 0] = free;
    const at = (name: string) => path.join(this.directory, name);
    const moved = (rendered: string) =>
      rendered
        .replaceAll("/etc/prometheus/", `${this.directory}/`)
        .replaceAll(prometheusAddress, `127.0.0.1:${prometheus}`)
        .replaceAll(alertmanagerAddress, `127.0.0.1:${alertmanager}`);
    for (const directory of ["rules", "secrets"]) await mkdir(at(directory));
    const targets = [{ instance: "gra-haproxy-1", site: "gra", address: this.haproxyMetrics }];
    const url = (name: string) => `http://127.0.0.1:${receiver}/${name}`;
    const files = {
      [monitoringPaths.config]: prometheusYml([{ name: "haproxy", targets }], monitoring),
      [monitoringPaths.alertmanager]: alertmanagerYml(monitoring),
      [monitoringPaths.deadMansSwitchUrl]: url("switch"),
      [monitoringPaths.alertsSecret]: url("alerts"),
      [monitoringPaths.ca]: this.ca,
      [monitoringPaths.certificate]: this.#identity.certificate,
      [monitoringPaths.key]: this.#identity.key,
      ...Object.fromEntries(
        Object.entries(ruleFiles()).map(([name, rules]) => [
          `${monitoringPaths.rules}/${name}`,
          withDelays(rules, monitoring.alertDelaysMs),
        ]),
      ),
    };
    for (const [file, content] of Object.entries(files)) await writeFile(moved(file), moved(content));
    await writeFile(at("entry.pem"), `${this.#identity.certificate}\n${this.#identity.key}\n`);
    await writeFile(at("ticket.map"), "gra 1\n");
    await writeFile(at("haproxy.cfg"), this.#haproxyCfg(entry, status));
    this.#receiver.listen(receiver, "127.0.0.1");
    await this.startNode();
    this.#run(["/usr/sbin/haproxy", "-f", at("haproxy.cfg")]);
    this.#run([
      ...["prometheus-alertmanager", `--config.file=${at("alertmanager.yml")}`, `--storage.path=${at("alerts")}`],
      ...[`--web.listen-address=127.0.0.1:${alertmanager}`, "--cluster.listen-address="],
    ]);
    this.#run([
      ...["prometheus", `--config.file=${at("prometheus.yml")}`, `--storage.tsdb.path=${at("samples")}`],
      `--web.listen-address=127.0.0.1:${prometheus}`,
    ]);
  }

  #haproxyCfg(entry: number, status: number): string {
    let config = haproxyCfg({ topology, check: { user: "check", password: "secret" }, withMetrics: true });
    for (const { privateIp } of nodes) {
      config = config.replaceAll(`${privateIp}:${ports.elasticsearchHttp}`, `127.0.0.1:${this.#nodePort}`);
    }
    return config
      .replaceAll(haproxyPaths.ca, path.join(this.directory, "es-failover-ca.crt"))
      .replaceAll(haproxyPaths.entryCertificate, path.join(this.directory, "entry.pem"))
      .replaceAll(haproxyPaths.ticketMap, path.join(this.directory, "ticket.map"))
      .replaceAll(haproxyPaths.adminSocket, path.join(this.directory, "admin.sock"))
      .replaceAll(`bind :${ports.entry} `, `bind 127.0.0.1:${entry} `)
      .replaceAll(`bind :${ports.haproxyMetrics} `, `bind ${this.haproxyMetrics} `)
      .replaceAll(`127.0.0.1:${statusPort}`, `127.0.0.1:${status}`)
      .replaceAll("group es-failover", "group haproxy");
  }

  #run(argv: readonly string[]): void {
    const [command = "", ...args] = toolsCommand(this.#tools, [...argv], [this.directory]);
    // Ends with the test's process, also when that is killed.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
      stdio: "ignore",
    });
    this.#running.push(child);
  }
}
