import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { InitKey } from "../../infra/config/schema.ts";
import { initialiseStacks } from "../../infra/init/init.ts";
import { pulumiCli } from "../../infra/init/pulumi-cli.ts";
import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import { PulumiEngine, type ResourceChanges } from "../cloud/engine.ts";
import { labAptRepository } from "../elasticsearch/repository.ts";
import { Lab } from "../hosts/lab.ts";
import { outcomeOf } from "../hosts/run.ts";
import type { CommandOutcome } from "../hosts/types.ts";
import type { TrafficSettings } from "../traffic/protocol.ts";
import { Traffic } from "../traffic/traffic.ts";
import { type Region, type Stack, type StackSettings, stackConfiguration, stacks } from "./configuration.ts";
import { type CurlAnswer, type CurlRequest, curl } from "./curl.ts";
import { describeWatchdogs } from "./diagnosis.ts";

const exec = promisify(execFile);
const checkout = path.resolve(import.meta.dirname, "..", "..");

export type Say = (line: string) => void;

/** How long to wait for what should take seconds: longer than any healthy run, so that only a defect meets it. */
const PATIENCE_MS = 180_000;
const POLL_MS = 250;

/** Stands in the place of a host's name for the network of those who administer, which no cut reaches. */
export const controller = "controller";

type Load = Pick<TrafficSettings, "writers" | "pauseMs" | "timeoutMs">;
const usualLoad: Load = { writers: 2, pauseMs: 20, timeoutMs: 2_000 };

/** What applications in the lab need to use the entry. */
export interface Entry {
  readonly url: string;
  readonly ca: string;
  readonly username: string;
  readonly password: string;
}

/**
 * The whole system in a lab: both regions made by the real Pulumi engine from the very program that users run, with the
 * hosts of a lab in place of OVHcloud's.
 */
export class TwoRegions {
  readonly lab: Lab;
  readonly engine: PulumiEngine;

  private constructor(lab: Lab, engine: PulumiEngine) {
    this.lab = lab;
    this.engine = engine;
  }

  /** Makes the lab's networks and all stacks with their secrets. Nothing is provisioned yet. */
  static async create(directory: string, say: Say, settings: StackSettings = {}): Promise<TwoRegions> {
    const repository = await labAptRepository();
    const lab = await Lab.create({ directory });
    await lab.serveRepository(repository.directory);
    const system = await TwoRegions.#of(lab);
    for (const stack of stacks) {
      await system.engine.prepareStack(stack, stackConfiguration(stack, repository, settings));
    }
    const pulumi = pulumiCli(system.engine.directory, system.engine.environment);
    await initialiseStacks({ stacks, pulumi, say });
    return system;
  }

  /** The system in a lab that is up. */
  static async open(directory: string): Promise<TwoRegions> {
    return TwoRegions.#of(await Lab.open(directory));
  }

  static async #of(lab: Lab): Promise<TwoRegions> {
    const directory = path.join(lab.directory, "pulumi");
    await mkdir(directory, { recursive: true });
    return new TwoRegions(lab, await PulumiEngine.open({ usersProject: checkout, directory, lab }));
  }

  /** Replaces a stack's settings, all of them; `up` puts them into effect. */
  async configure(stack: Stack, settings: StackSettings): Promise<void> {
    await this.engine.prepareStack(stack, stackConfiguration(stack, await labAptRepository(), settings));
  }

  /** `pulumi up` of one region. */
  async up(stack: Stack, say: Say, args: readonly string[] = []): Promise<ResourceChanges> {
    const { changes } = await this.engine.up(stack, { onLine: (line) => say(`${stack}: ${line}`), args });
    return changes;
  }

  /** All sites at once, as people with a terminal each would do it. */
  async upAll(say: Say): Promise<void> {
    await Promise.all(stacks.map((stack) => this.up(stack, say)));
  }

  async hostNames(pattern: RegExp): Promise<readonly string[]> {
    return (await this.lab.hosts()).map(({ name }) => name).filter((name) => pattern.test(name));
  }

  /** Hosts with a watchdog: every router's, and the witness. */
  async watchdogHosts(): Promise<readonly string[]> {
    return this.hostNames(/-haproxy-|^witness-/);
  }

  /** Name of a host with a router and its watchdog; by default the one that outlives the loss of gra. */
  async routerHost(region: Region = "bhs"): Promise<string> {
    const [host] = await this.hostNames(new RegExp(`^${region}-haproxy-`));
    if (host === undefined) throw new Error(`the lab has no HAProxy host in ${region}`);
    return host;
  }

  /** `es-failover status --json` on a watchdog's host, by default on the router's in bhs. */
  async status(host?: string): Promise<WatchdogStatus> {
    const { stdout } = await this.ssh(host ?? (await this.routerHost()), ["sudo", "es-failover", "status", "--json"]);
    return JSON.parse(stdout) as WatchdogStatus;
  }

  async ssh(host: string, command: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const [program = "ssh", ...args] = await this.lab.sshCommand(host, command);
    return exec(program, args, { timeout: 60_000, maxBuffer: 64 << 20 });
  }

  /** Runs a program as root inside a host, or in the controller's network, which the applications share. */
  async run(from: string, argv: readonly string[], input = ""): Promise<CommandOutcome> {
    if (from !== controller) return this.lab.exec(from, argv, { input });
    const [command = "", ...args] = this.lab.controllerCommand(argv);
    return outcomeOf(command, args, { input, timeoutMs: 60_000 });
  }

  /** A request from a host (the router's host may ask Elasticsearch) or from the controller's network. */
  async request(from: string, request: CurlRequest): Promise<CurlAnswer> {
    return curl((argv, input) => this.run(from, argv, input), request);
  }

  /** Names of a region's Elasticsearch servers that a HAProxy, by default that of bhs, takes for up by its status page. */
  async serversUp(region: Region, router?: string): Promise<readonly string[]> {
    const page = ["curl", "--silent", "--fail", "--max-time", "5", "http://127.0.0.1:8404/;csv"];
    const { exitCode, stdout, stderr } = await this.run(router ?? (await this.routerHost()), page);
    if (exitCode !== 0) throw new Error(`HAProxy's status page: curl ended with ${exitCode} ${stderr}`);
    return stdout
      .split("\n")
      .map((line) => line.split(","))
      .filter(([backend, server, ...rest]) => backend === `es_${region}` && server !== "BACKEND" && rest[15] === "UP")
      .map(([, server = ""]) => server);
  }

  /**
   * Waits until the status of a watchdog, by default the router's in bhs, satisfies `condition`; fails with the last
   * status that did not, and with what every watchdog says.
   */
  async until(
    what: string,
    condition: (status: WatchdogStatus) => boolean,
    patienceMs: number = PATIENCE_MS,
    host?: string,
  ): Promise<WatchdogStatus> {
    const deadlineMs = Date.now() + patienceMs;
    let last = "no status yet";
    while (Date.now() < deadlineMs) {
      try {
        const status = await this.status(host);
        if (condition(status)) return status;
        last = `${status.summary} ${JSON.stringify(status.replication)}`;
      } catch (error) {
        last = messageOf(error);
      }
      await sleep(POLL_MS);
    }
    const said = await describeWatchdogs(this);
    throw new Error(`waited ${patienceMs / 1000} s in vain until ${what}; last: ${last}\n${said}`);
  }

  untilInSync(): Promise<WatchdogStatus> {
    return this.until(
      "the standby is in sync",
      ({ record, replication }) =>
        record?.phase === "serving" && record.standby === "in-sync" && replication?.inSync === true,
    );
  }

  /**
   * Cuts the power of a whole site at once: nothing of it sends a packet any more before its first process ends.
   * Returns when the last one is gone.
   *
   * @returns when the network ports went down, wall clock in milliseconds
   */
  async cutPower(site: Stack): Promise<number> {
    const hosts = await this.hostNames(new RegExp(`^${site}-`));
    const atMs = Date.now();
    await Promise.all(hosts.map((host) => this.lab.setLink(host, "down")));
    await Promise.all(hosts.map((host) => this.lab.kill(host)));
    return atMs;
  }

  /** Powers every host of a site on; returns when all of them let users in. */
  async powerOn(site: Stack): Promise<void> {
    const hosts = await this.hostNames(new RegExp(`^${site}-`));
    await Promise.all(hosts.map((host) => this.lab.start(host)));
  }

  /** Cuts the power of every Elasticsearch node of a region at once. Returns when the last process is gone. */
  async killElasticsearch(region: Stack): Promise<void> {
    const nodes = await this.hostNames(new RegExp(`^${region}-es-`));
    await Promise.all(nodes.map((node) => this.lab.kill(node)));
  }

  async startElasticsearch(region: Stack): Promise<void> {
    const nodes = await this.hostNames(new RegExp(`^${region}-es-`));
    await Promise.all(nodes.map((node) => this.lab.start(node)));
  }

  /** An entry as applications outside the private network use it, with the application's user; by default that of bhs. */
  async entry(region: Region = "bhs"): Promise<Entry> {
    const router = await this.lab.host(await this.routerHost(region));
    if (router === undefined) throw new Error("the router's host is gone");
    const { caCertificate } = await this.engine.outputs("bhs");
    const url = `https://${router.publicIp}:9200`;
    return { url, ca: String(caCertificate), username: "app", password: await this.secret("appPassword") };
  }

  /** A secret of both stacks' configuration. */
  async secret(key: InitKey): Promise<string> {
    return (await this.engine.run(["config", "get", `es-failover:${key}`, "--stack", "bhs"])).trim();
  }

  /** The addresses of every router, those of bhs first: what an application in bhs is given. */
  async entries(): Promise<readonly string[]> {
    const routers = (await this.lab.hosts()).filter(({ name }) => /-haproxy-/.test(name));
    const near = routers.filter(({ region }) => region === "bhs");
    return [...near, ...routers.filter((router) => !near.includes(router))].map(
      ({ publicIp }) => `https://${publicIp}:9200`,
    );
  }

  /**
   * Starts writers and a reader in the controller's network, which no cut reaches.
   * @param entries what the application knows; by default the entry of bhs alone
   */
  async traffic(index: string, load: Load = usualLoad, entries?: readonly string[]): Promise<Traffic> {
    const { url, ...credentials } = await this.entry();
    return new Traffic({ entries: [...(entries ?? [url])], ...credentials, index, ...load }, (argv) =>
      this.lab.controllerCommand(argv),
    );
  }

  /** Removes the lab with all it has. */
  async destroy(): Promise<void> {
    await this.lab.destroy();
  }
}
