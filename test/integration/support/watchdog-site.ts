import { type ChildProcess, spawn } from "node:child_process";
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import type { ClusterPair } from "../../../lab/elasticsearch/start-cluster.ts";
import { freePorts } from "../../../lab/util/free-ports.ts";
import { askControlSocket } from "../../../watchdog/adapters/control-socket/client.ts";
import { readRecordFile } from "../../../watchdog/adapters/file-store/record-file.ts";
import { createFileStore } from "../../../watchdog/adapters/file-store/store.ts";
import { profiles } from "../../../watchdog/config/profiles.ts";
import { users } from "../../../watchdog/config/roles.ts";
import type { WatchdogConfigInput } from "../../../watchdog/config/schema.ts";
import { controlApi } from "../../../watchdog/controller/control-api/api.ts";
import type { WatchdogStatus } from "../../../watchdog/controller/status.ts";
import type { ChangePreview } from "../../../watchdog/core/preview.ts";
import type { HistoryEntry } from "../../../watchdog/core/state/history.ts";
import type { StateRecord } from "../../../watchdog/core/state/record.ts";
import { managedPatterns, passwords, seeded, untilCopied } from "./watchdog-clusters.ts";
import { EntryHaproxy, type Ticket } from "./watchdog-haproxy.ts";
import { INTERRUPTION, type Interruption, interruptionText } from "./watchdog-interruption.ts";
import type { WatchdogRelease } from "./watchdog-release.ts";
import { scratchDirectory } from "./watchdog-scratch.ts";

/** The user `nobody`: the watchdog owns its state here, and nothing else on the machine. */
const UNPRIVILEGED_ID = 65534;

/** Far longer than any wait on a quiet machine, so that only a defect reaches it. */
const PATIENCE_MS = 120_000;
const POLL_MS = 50;

/** Settings that a test may change. */
export type SiteOverrides = Partial<
  Pick<WatchdogConfigInput, "router" | "promotion" | "leases" | "checks" | "canary">
> & {
  readonly replication?: Partial<WatchdogConfigInput["replication"]>;
};

export interface Answer {
  readonly sentAtMs: number;
  readonly status: number;
  /** Which region answered; null when HAProxy itself did. */
  readonly region: string | null;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** One HAProxy host as provisioning leaves it: the entry, the watchdog's configuration, and the watchdog as a process. */
export class WatchdogSite {
  readonly haproxy: EntryHaproxy;
  readonly ticketMapFile: string;
  readonly directory: string;
  readonly #release: WatchdogRelease;
  readonly #config: WatchdogConfigInput;
  readonly #agent: Agent;
  #process: ChildProcess | undefined;
  #logged = "";

  private constructor(directory: string, release: WatchdogRelease, haproxy: EntryHaproxy, config: WatchdogConfigInput) {
    this.directory = directory;
    this.#release = release;
    this.haproxy = haproxy;
    this.#config = config;
    this.ticketMapFile = ticketMapIn(directory);
    this.#agent = new Agent({ connect: { ca: haproxy.ca } });
  }

  /** A site without history, where only HAProxy runs, and is closed. */
  static async create(pair: ClusterPair, release: WatchdogRelease, more: SiteOverrides = {}): Promise<WatchdogSite> {
    const directory = await scratchDirectory();
    let site: WatchdogSite | undefined;
    try {
      await layOut(directory, pair);
      const haproxy = await EntryHaproxy.start({
        pair,
        directory: path.join(directory, "haproxy"),
        ticketMapFile: ticketMapIn(directory),
        checkPassword: passwords.haproxyCheck,
        gid: UNPRIVILEGED_ID,
      });
      await writeFile(path.join(directory, "entry-ca.crt"), haproxy.ca);
      site = new WatchdogSite(directory, release, haproxy, await baseConfig(directory, pair, haproxy));
      await site.configure(more);
      return site;
    } catch (error) {
      await site?.stop();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Makes a site whose watchdog has brought bhs in sync with the documents that `seed` wrote to gra. */
  static async inSync(
    pair: ClusterPair,
    release: WatchdogRelease,
    more: SiteOverrides = {},
    start: (site: WatchdogSite) => void = (site) => site.start(),
  ): Promise<WatchdogSite> {
    const site = await WatchdogSite.create(pair, release, more);
    try {
      start(site);
      await site.untilInSync(Object.keys(seeded).length);
      await untilCopied(pair);
      return site;
    } catch (error) {
      await site.stop();
      throw error;
    }
  }

  /** Writes the watchdog's configuration, which takes effect at its next start. */
  async configure({
    router = {},
    promotion = {},
    leases = {},
    checks = {},
    canary = {},
    replication = {},
  }: SiteOverrides): Promise<void> {
    const config: WatchdogConfigInput = {
      ...this.#config,
      router: { ...this.#config.router, ...router },
      checks: { ...this.#config.checks, ...checks },
      canary: { ...this.#config.canary, ...canary },
      replication: { ...this.#config.replication, ...replication },
      leases: { ...this.#config.leases, ...leases },
      promotion: { ...this.#config.promotion, ...promotion },
    };
    await writeFile(this.#configFile, JSON.stringify(config));
  }

  /** Where applications ask which region serves. */
  get endpointUrl(): string {
    return `http://${this.#config.endpoint?.listen}`;
  }

  get #configFile(): string {
    return path.join(this.directory, "watchdog.json");
  }

  /** The samples of a scrape: `es_failover_epoch` or `es_failover_active{region="gra"}`, and their values. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const answer = await request(`http://${this.#config.metrics?.listen}/metrics`);
    const lines = (await answer.body.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  }

  /** Runs `es-failover run` with the rights of its unit, until the given moment or until it is ended. */
  start(interruption?: Interruption): void {
    const { node, program, interruptible } = this.#release;
    const id = String(UNPRIVILEGED_ID);
    const rights = ["--reuid", id, "--regid", id, "--clear-groups", "--no-new-privs", "--bounding-set", "-all"];
    const run = [node, interruption === undefined ? program : interruptible, "--config", this.#configFile, "run"];
    const environment = interruption === undefined ? {} : { [INTERRUPTION]: interruptionText(interruption) };
    // Ends with the test's process, also when that is killed.
    const child = spawn("setpriv", [...rights, "--pdeathsig", "KILL", ...run], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", ...environment },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#logged = (this.#logged + text).slice(-100_000);
      });
    }
    this.#process = child;
  }

  /** Ends the watchdog, if it runs, and returns when it is gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined || hasEnded(child)) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** Waits until the watchdog has ended by itself, and returns the signal that ended it. */
  async ended(): Promise<NodeJS.Signals | null> {
    const child = this.#process;
    if (child === undefined) throw new Error("no watchdog was started");
    await this.#until(() => hasEnded(child), "the watchdog ends");
    return child.signalCode;
  }

  async status(): Promise<WatchdogStatus> {
    return askControlSocket(this.#controlSocket, controlApi.status, {});
  }

  /** What a switchover would do now. */
  previewSwitchover(to: string): Promise<ChangePreview> {
    const request = { to, by: "test", force: false, reason: null };
    return askControlSocket(this.#controlSocket, controlApi.previewSwitchover, request);
  }

  /** Asks for a failover as an operator who accepts a loss. */
  async failover(to: string): Promise<void> {
    await askControlSocket(this.#controlSocket, controlApi.failover, { to, by: "test", force: true, reason: null });
  }

  get #controlSocket(): string {
    return path.join(this.directory, "run", "control.sock");
  }

  /** Waits until the watchdog's status satisfies `condition`. */
  async untilStatus(what: string, condition: (status: WatchdogStatus) => boolean): Promise<WatchdogStatus> {
    let last: WatchdogStatus | undefined;
    await this.#until(async () => {
      if (this.#process !== undefined && hasEnded(this.#process)) throw new WatchdogEnded();
      last = await this.status();
      return condition(last);
    }, what);
    if (last === undefined) throw new Error("unreachable: a condition held of no status");
    return last;
  }

  /** Asks for a failover as an operator does; the rules grant or refuse it later. */
  async askFailover(to: string, force: boolean): Promise<void> {
    const asked = { by: "tester", to, force, reason: "drill" };
    await askControlSocket(path.join(this.directory, "run", "control.sock"), controlApi.failover, asked);
  }

  /** Waits until the newest entry of a rule has this explanation. */
  untilDecided(rule: string, explanation: RegExp): Promise<void> {
    return this.#until(
      async () => explanation.test((await this.history()).findLast((entry) => entry.rule === rule)?.explanation ?? ""),
      `${rule}: ${explanation}`,
    );
  }

  untilInSync(indices: number): Promise<WatchdogStatus> {
    return this.untilStatus(
      `bhs follows ${indices} indices and is in sync`,
      ({ record, replication, router }) =>
        record?.phase === "serving" &&
        record.standby === "in-sync" &&
        replication?.inSync === true &&
        replication.followers === indices &&
        router?.ticket?.region === "gra",
    );
  }

  untilServing(region: string): Promise<WatchdogStatus> {
    return this.untilStatus(
      `${region} serves, and its ticket is given out`,
      ({ record, router }) =>
        record?.phase === "serving" && record.active === region && router?.ticket?.region === region,
    );
  }

  /** The record in the store, also while no watchdog runs. */
  async record(): Promise<StateRecord> {
    const content = await readRecordFile(path.join(this.directory, "store", "record.json"));
    if (content === null) throw new Error("the store has no record yet");
    return content.record;
  }

  history(): Promise<readonly HistoryEntry[]> {
    const directory = path.join(this.directory, "store");
    return createFileStore({ directory, clock: performanceClock, leaseTtlMs: 1, routers: [] }).history(10_000);
  }

  tickets(): Promise<readonly Ticket[]> {
    return this.haproxy.tickets();
  }

  /** Sends a request of an application through the entry. */
  async request(method: "GET" | "POST" | "PUT", pathAndQuery: string, body?: object): Promise<Answer> {
    const credentials = Buffer.from(`${users.app.name}:${passwords.app}`).toString("base64");
    const sentAtMs = Date.now();
    const response = await request(`${this.haproxy.entry}${pathAndQuery}`, {
      method,
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(20_000),
      headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const header = (name: string) => {
      const value = response.headers[name];
      return value === undefined ? null : String(value);
    };
    const text = await response.body.text();
    return {
      sentAtMs,
      status: response.statusCode,
      region: header("es-failover-region"),
      retryAfter: header("retry-after"),
      body: text,
    };
  }

  /** Waits until an answer of the entry satisfies `condition`. */
  untilAnswer(what: string, condition: (answer: Answer) => boolean): Promise<void> {
    return this.#until(async () => condition(await this.request("GET", "/")), what);
  }

  /** Ends all processes of the site and removes its files. */
  async stop(): Promise<void> {
    await this.end("SIGKILL");
    await this.#agent.destroy();
    await this.haproxy.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    let problem: unknown;
    while (performance.now() < deadline) {
      try {
        if (await condition()) return;
        problem = undefined;
      } catch (error) {
        problem = error;
        if (error instanceof WatchdogEnded) break;
      }
      await delay(POLL_MS);
    }
    const lines = this.#logged.split("\n").slice(-30).join("\n");
    throw new Error(`not within ${PATIENCE_MS} ms: ${what}. The end of the watchdog's log:\n${lines}`, {
      cause: problem,
    });
  }
}

class WatchdogEnded extends Error {
  constructor() {
    super("the watchdog has ended");
  }
}

const performanceClock = { monotonicMs: () => performance.now() };
const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
const ticketMapIn = (directory: string) => path.join(directory, "router", "ticket.map");

/** Directories that the watchdog owns, and files that it may read. */
async function layOut(directory: string, pair: ClusterPair): Promise<void> {
  await chmod(directory, 0o755);
  for (const own of ["router", "store", "state", "run"]) {
    await mkdir(path.join(directory, own));
    await chown(path.join(directory, own), UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  }
  await writeFile(ticketMapIn(directory), "");
  await writeFile(path.join(directory, "ca.crt"), pair.gra.ca);
  await writeSecret(path.join(directory, "password"), passwords.watchdog);
  await writeSecret(path.join(directory, "canary-password"), passwords.haproxyCheck);
}

async function writeSecret(file: string, secret: string): Promise<void> {
  await writeFile(file, secret, { mode: 0o640 });
  await chown(file, 0, UNPRIVILEGED_ID);
}

async function baseConfig(directory: string, pair: ClusterPair, haproxy: EntryHaproxy): Promise<WatchdogConfigInput> {
  const at = (name: string) => path.join(directory, name);
  const [endpointPort, metricsPort] = await freePorts(2);
  const entry = { host: "127.0.0.1", port: Number(new URL(haproxy.entry).port) };
  return {
    name: "bhs-haproxy-1",
    site: "bhs",
    regions: { gra: { nodes: [...pair.gra.urls] }, bhs: { nodes: [...pair.bhs.urls] } },
    firstPrimary: "gra",
    elasticsearch: { username: users.watchdog.name, passwordFile: at("password"), caFile: at("ca.crt") },
    replication: { patterns: [...managedPatterns], intervalMs: 500 },
    // The longest that an interval of a second allows, because the machine may be busy with other tests.
    checks: { ...profiles.fast.checks, timeoutMs: 990 },
    canary: { intervalMs: 1_000, timeoutMs: 990 },
    entry: {
      url: haproxy.entry,
      username: users.haproxyCheck.name,
      passwordFile: at("canary-password"),
      caFile: at("entry-ca.crt"),
    },
    promotion: { unfollowTimeoutMs: 1_500 },
    store: { kind: "file", directory: at("store") },
    router: {
      adminSocket: haproxy.adminSocket,
      masterSocket: haproxy.masterSocket,
      ticketMapFile: ticketMapIn(directory),
    },
    endpoint: { listen: `127.0.0.1:${endpointPort}`, addresses: { gra: entry, bhs: entry } },
    metrics: { listen: `127.0.0.1:${metricsPort}` },
    stateDirectory: at("state"),
    controlSocket: at("run/control.sock"),
  };
}
