import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePorts } from "../util/free-ports.ts";
import { run } from "../util/run.ts";
import { until } from "../util/until.ts";
import { type CertificateAuthority, createTestAuthority } from "./certificates.ts";
import type { ClusterOptions, Credentials, TestCluster } from "./cluster.ts";
import { ClusterClient } from "./cluster-client.ts";
import type { ElasticsearchHome } from "./distribution/home.ts";
import { nodeCommand, TestNode, writeNodeConfiguration } from "./node.ts";

/** For each of the first calls: they wait for the first index of a node that has just started, on a machine that may be busy. */
const SETTLING_MS = 120_000;

const directoryPrefix = "es-failover-test-cluster-";

/** Starts a cluster of a distribution; returns when it serves, including the security index. */
export async function launchCluster(distribution: ElasticsearchHome, options: ClusterOptions): Promise<TestCluster> {
  const authority = options.authority ?? (await createTestAuthority(`es-failover test cluster ${options.name}`));
  await removeStaleDirectories();
  const directory = await mkdtemp(path.join(tmpdir(), `${directoryPrefix}${process.pid}-${options.name}-`));
  try {
    const cluster = await RunningCluster.create(options, distribution, authority, directory);
    try {
      await cluster.restart();
      await cluster.settlePasswords();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Removes the files of clusters whose test run was killed; their nodes ended with it. */
async function removeStaleDirectories(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    const pid = entry.startsWith(directoryPrefix) ? /^\d+/.exec(entry.slice(directoryPrefix.length))?.[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(path.join(tmpdir(), entry), { recursive: true, force: true });
    }
  }
}

class RunningCluster extends ClusterClient implements TestCluster {
  private readonly distribution: ElasticsearchHome;
  private readonly directory: string;
  private readonly nodes: readonly TestNode[];

  private constructor(
    name: string,
    distribution: ElasticsearchHome,
    directory: string,
    access: { readonly ca: string; readonly elastic: Credentials },
    nodes: readonly TestNode[],
  ) {
    super({
      ...{ name, ...access, caFile: path.join(directory, "ca.crt") },
      urls: nodes.map((node) => `https://127.0.0.1:${node.httpPort}`),
      transportAddresses: nodes.map((node) => `127.0.0.1:${node.transportPort}`),
    });
    this.distribution = distribution;
    this.directory = directory;
    this.nodes = nodes;
  }

  static async create(
    options: ClusterOptions,
    distribution: ElasticsearchHome,
    authority: CertificateAuthority,
    directory: string,
  ): Promise<RunningCluster> {
    const count = options.nodes ?? 1;
    const elastic = { username: "elastic", password: randomBytes(12).toString("base64url") };
    await writeFile(path.join(directory, "ca.crt"), authority.certificate);
    // Of all nodes: their secure settings must be equal.
    await addToKeystore(distribution, directory, "bootstrap.password", elastic.password);
    const keystore = path.join(directory, "elasticsearch.keystore");
    const ports = await freePorts(2 * count);
    const layout = Array.from({ length: count }, (_, i) => ({
      name: `${options.name}-es-${i + 1}`,
      httpPort: ports[2 * i] ?? 0,
      transportPort: ports[2 * i + 1] ?? 0,
    }));
    const nodes = await Promise.all(
      layout.map(async (node) => {
        const home = path.join(directory, node.name);
        await writeNodeConfiguration(home, { node, peers: layout, options, authority, keystore, distribution });
        return new TestNode(node, home, nodeCommand(distribution, home, options.javaOptions ?? []));
      }),
    );
    return new RunningCluster(options.name, distribution, directory, { ca: authority.certificate, elastic }, nodes);
  }

  async kill(node?: number): Promise<void> {
    const victims = node === undefined ? this.nodes : this.nodes.slice(node, node + 1);
    await Promise.all(victims.map((victim) => victim.end("SIGKILL")));
  }

  async shutDown(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGTERM")));
  }

  async freeze(): Promise<void> {
    for (const node of this.nodes) node.signal("SIGSTOP");
  }

  async thaw(): Promise<void> {
    for (const node of this.nodes) node.signal("SIGCONT");
  }

  async restart(wanted: "any" | "red" | "yellow" = "yellow"): Promise<void> {
    await this.shutDown();
    for (const node of this.nodes) node.start();
    const status = wanted === "any" ? "red" : wanted;
    const health = `/_cluster/health?wait_for_status=${status}&wait_for_nodes=${this.nodes.length}&timeout=1s`;
    await until(`cluster ${this.name} serves`, 120_000, async () => {
      for (const node of this.nodes) node.assertAlive();
      // Nothing listens yet while the nodes start.
      const response = await this.rest("GET", health).catch(() => undefined);
      return response?.status === 200 || (wanted === "any" && response !== undefined);
    });
  }

  async setSecret(name: string, value: string): Promise<void> {
    for (const node of this.nodes) {
      await addToKeystore(this.distribution, path.join(this.directory, node.name, "config"), name, value);
    }
    await this.call("POST", "/_nodes/reload_secure_settings");
  }

  /**
   * Sets the superuser's password, which creates the security index, and waits for the index's primary: until then
   * requests may get 401.
   */
  async settlePasswords(): Promise<void> {
    await this.call("POST", "/_security/user/elastic/_password", {
      body: { password: this.elastic.password },
      timeoutMs: SETTLING_MS,
    });
    const health = `/_cluster/health/.security-7?wait_for_status=yellow&timeout=${SETTLING_MS / 2}ms`;
    await this.call("GET", health, { timeoutMs: SETTLING_MS });
  }

  async stop(): Promise<void> {
    // The data of a test cluster is not worth a clean shutdown.
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
    await this.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Adds a secure setting to the keystore in `directory`, which is made where there is none. */
async function addToKeystore(
  { directory: home }: ElasticsearchHome,
  directory: string,
  name: string,
  value: string,
): Promise<void> {
  const { ES_JAVA_OPTS: _, ...env } = process.env;
  await run(path.join(home, "bin/elasticsearch-keystore"), ["add", "-f", "-x", name], {
    env: { ...env, ES_PATH_CONF: directory },
    input: `${value}\n`,
  });
}
