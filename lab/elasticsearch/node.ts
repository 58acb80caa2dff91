import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { CertificateAuthority } from "./certificates.ts";
import type { ClusterOptions } from "./cluster.ts";
import type { ElasticsearchHome } from "./distribution/home.ts";

/** Name and ports of one node of a test cluster. */
export interface NodeLayout {
  readonly name: string;
  readonly httpPort: number;
  readonly transportPort: number;
}

export interface NodeConfiguration {
  readonly node: NodeLayout;
  /** All nodes of the cluster, this one included. */
  readonly peers: readonly NodeLayout[];
  readonly options: ClusterOptions;
  readonly authority: CertificateAuthority;
  /** Path of the keystore to copy. */
  readonly keystore: string;
  readonly distribution: ElasticsearchHome;
}

/** Writes `HOME/config`: elasticsearch.yml, certificates, keystore, logging. */
export async function writeNodeConfiguration(home: string, configuration: NodeConfiguration): Promise<void> {
  const config = path.join(home, "config");
  const certs = path.join(config, "certs");
  await mkdir(certs, { recursive: true });
  await mkdir(path.join(home, "tmp"));
  const { certificate, key } = await configuration.authority.issue(configuration.node.name, {
    ips: ["127.0.0.1"],
    hosts: ["localhost"],
  });
  await Promise.all([
    writeFile(path.join(certs, "node.crt"), certificate),
    writeFile(path.join(certs, "node.key"), key, { mode: 0o600 }),
    writeFile(path.join(certs, "ca.crt"), configuration.authority.certificate),
    writeFile(path.join(config, "elasticsearch.yml"), renderSettings(home, configuration)),
    copyFile(configuration.keystore, path.join(config, "elasticsearch.keystore")),
    copyFile(
      path.join(configuration.distribution.directory, "config/log4j2.properties"),
      path.join(config, "log4j2.properties"),
    ),
  ]);
  await configuration.options.configure?.(config);
}

function renderSettings(home: string, { node, peers, options }: NodeConfiguration): string {
  const tls = { key: "certs/node.key", certificate: "certs/node.crt", certificate_authorities: "certs/ca.crt" };
  const settings: Record<string, unknown> = {
    "cluster.name": options.name,
    "node.name": node.name,
    "path.data": path.join(home, "data"),
    "path.logs": path.join(home, "logs"),
    "path.repo": path.join(home, "repository"),
    "network.host": "127.0.0.1",
    "http.port": node.httpPort,
    "transport.port": node.transportPort,
    "discovery.seed_hosts": peers.map((peer) => `127.0.0.1:${peer.transportPort}`),
    "cluster.initial_master_nodes": peers.map((peer) => peer.name),
    "xpack.license.self_generated.type": "trial",
    "xpack.security.enabled": true,
    "xpack.security.http.ssl": { enabled: true, ...tls },
    "xpack.security.transport.ssl": { enabled: true, verification_mode: "full", ...tls },
    // For remote clusters that connect with an API key; any port will do, as the node tells which one it got.
    "remote_cluster_server.enabled": true,
    "remote_cluster.port": 0,
    "xpack.security.remote_cluster_server.ssl": { enabled: true, ...tls },
    "xpack.security.remote_cluster_client.ssl": {
      enabled: true,
      verification_mode: "full",
      certificate_authorities: tls.certificate_authorities,
    },
    // A test machine's disk may be fuller than a server's should be.
    "cluster.routing.allocation.disk.threshold_enabled": false,
    ...options.settings,
  };
  // JSON values are YAML values.
  return Object.entries(settings)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}

export interface NodeCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The command that runs the node of `home`. It ends with its standard input, so it does not outlive a test run. */
export function nodeCommand(
  distribution: ElasticsearchHome,
  home: string,
  javaOptions: readonly string[],
): NodeCommand {
  const directories = { ES_PATH_CONF: path.join(home, "config"), ES_TMPDIR: path.join(home, "tmp") };
  return {
    command: path.join(distribution.directory, "bin/elasticsearch"),
    args: ["--end-with-stdin"],
    env: { ...process.env, ...directories, ES_JAVA_OPTS: javaOptions.join(" ") },
  };
}

export class TestNode {
  readonly name: string;
  readonly httpPort: number;
  readonly transportPort: number;
  private readonly output: string;
  private readonly command: NodeCommand;
  private child: ChildProcess | undefined;

  constructor(layout: NodeLayout, home: string, command: NodeCommand) {
    this.name = layout.name;
    this.httpPort = layout.httpPort;
    this.transportPort = layout.transportPort;
    this.output = path.join(home, "output.log");
    this.command = command;
  }

  start(): void {
    const log = openSync(this.output, "a");
    try {
      const { command, args, env } = this.command;
      this.child = spawn(command, args, { env, stdio: ["pipe", log, log] });
      // assertAlive reports it, as the process has no pid then.
      this.child.on("error", () => {});
    } finally {
      closeSync(log);
    }
  }

  /** @throws Error with the end of the node's output when it has ended */
  assertAlive(): void {
    if (this.isAlive()) return;
    const lastLines = readFileSync(this.output, "utf8").trim().split("\n").slice(-20).join("\n");
    throw new Error(
      `node ${this.name} has ended (exit status ${this.child?.exitCode}); its output ends:\n${lastLines}`,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.assertAlive();
    this.child?.kill(signal);
  }

  /** Ends the node if it runs; returns when it has ended. A frozen one needs SIGKILL. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.child;
    if (child === undefined || !this.isAlive()) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    await gone;
  }

  private isAlive(): boolean {
    const child = this.child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }
}
