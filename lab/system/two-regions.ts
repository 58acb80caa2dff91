import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { InitKey } from "../../infra/config/schema.ts";
import { initialiseStacks } from "../../infra/init/init.ts";
import { pulumiCli } from "../../infra/init/pulumi-cli.ts";
import { PulumiEngine, type ResourceChanges } from "../cloud/engine.ts";
import { labAptRepository } from "../elasticsearch/repository.ts";
import { Lab } from "../hosts/lab.ts";
import type { TrafficSettings } from "../traffic/protocol.ts";
import { Traffic } from "../traffic/traffic.ts";
import { type Region, type Stack, type StackSettings, stackConfiguration, stacks } from "./configuration.ts";
import { SystemHosts } from "./hosts.ts";
import { Watchdogs } from "./watchdogs.ts";

const checkout = path.resolve(import.meta.dirname, "..", "..");

export type Say = (line: string) => void;

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
  readonly hosts: SystemHosts;
  readonly watchdogs: Watchdogs;

  private constructor(lab: Lab, engine: PulumiEngine) {
    this.lab = lab;
    this.engine = engine;
    this.hosts = new SystemHosts(lab);
    this.watchdogs = new Watchdogs(lab, this.hosts);
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

  /** An entry as applications outside the private network use it, with the application's user; by default that of bhs. */
  async entry(region: Region = "bhs"): Promise<Entry> {
    const router = await this.lab.host(await this.hosts.router(region));
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
