import { mkdir } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import type { InitKey } from "../../infra/config/schema.ts";
import { initialiseStacks } from "../../infra/init/init.ts";
import { pulumiCli } from "../../infra/init/pulumi-cli.ts";
import { PulumiEngine, type ResourceChanges } from "../cloud/engine.ts";
import { labAptRepository } from "../elasticsearch/package/repository.ts";
import { Lab } from "../hosts/lab.ts";
import type { TrafficSettings } from "../traffic/protocol.ts";
import { Traffic } from "../traffic/traffic.ts";
import { run } from "../util/run.ts";
import { type Region, type Stack, type StackSettings, stackConfiguration, stacks } from "./configuration.ts";
import { SystemHosts } from "./hosts.ts";
import { Watchdogs } from "./watchdogs.ts";

const checkout = path.resolve(import.meta.dirname, "..", "..");

export type Say = (line: string) => void;

type Load = Pick<TrafficSettings, "writers" | "pauseMs" | "timeoutMs">;
const usualLoad: Load = { writers: 2, pauseMs: 20, timeoutMs: 2_000 };

/** What applications need to use an entry. */
export interface Entry {
  readonly url: string;
  readonly ca: string;
  readonly username: string;
  readonly password: string;
}

/**
 * The whole system in a lab: the real Pulumi engine provisions all sites from the program that users run, with a lab's
 * hosts in place of OVHcloud's.
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

  /** Makes the lab's networks, and all stacks with their secrets; provisions nothing. */
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

  /** Opens the system in a lab that is up. */
  static async open(directory: string): Promise<TwoRegions> {
    return TwoRegions.#of(await Lab.open(directory));
  }

  static async #of(lab: Lab): Promise<TwoRegions> {
    const directory = path.join(lab.directory, "pulumi");
    await mkdir(directory, { recursive: true });
    return new TwoRegions(lab, await PulumiEngine.open({ usersProject: checkout, directory, lab }));
  }

  /** Replaces all settings of a stack; `up` applies them. */
  async configure(stack: Stack, settings: StackSettings): Promise<void> {
    await this.engine.prepareStack(stack, stackConfiguration(stack, await labAptRepository(), settings));
  }

  /** `pulumi up` of one region. */
  async up(stack: Stack, say: Say, args: readonly string[] = []): Promise<ResourceChanges> {
    const { changes } = await this.engine.up(stack, { onLine: (line) => say(`${stack}: ${line}`), args });
    return changes;
  }

  /** `pulumi up` of all sites at once. */
  async upAll(say: Say): Promise<void> {
    await Promise.all(stacks.map((stack) => this.up(stack, say)));
  }

  /** `npm run remote-keys`, from the controller's network as an operator's machine. */
  async remoteKeys(args: readonly string[], say: Say): Promise<void> {
    const main = path.join(checkout, "setup", "main.ts");
    const argv = [process.execPath, main, "remote-keys", ...args, "--project-directory", this.engine.directory];
    const [command = "", ...rest] = this.lab.controllerCommand(argv);
    const output = await run(command, [...rest, ...stacks.flatMap((stack) => ["--stack", stack])], {
      env: this.engine.environment,
    });
    for (const line of output.trim().split("\n")) say(line);
  }

  /** An entry with the application's user, for applications outside the private network; default: the entry of bhs. */
  async entry(region: Region = "bhs"): Promise<Entry> {
    const router = await this.lab.host(await this.hosts.router(region));
    if (router?.publicIp === undefined) throw new Error("the router's host is gone");
    const { caCertificate } = await this.engine.outputs("bhs");
    const url = `https://${router.publicIp}:9200`;
    return { url, ca: String(caCertificate), username: "app", password: await this.secret("appPassword") };
  }

  /** A secret that all stacks' configurations share. */
  async secret(key: InitKey): Promise<string> {
    return (await this.engine.run(["config", "get", `es-failover:${key}`, "--stack", "bhs"])).trim();
  }

  /** URLs of every router, those of bhs first, as for an application in bhs. */
  async entries(): Promise<readonly string[]> {
    const routers = (await this.lab.hosts()).filter(({ name }) => /-haproxy-/.test(name));
    const near = routers.filter(({ region }) => region === "bhs");
    return [...near, ...routers.filter((router) => !near.includes(router))].flatMap(({ publicIp }) =>
      publicIp === undefined ? [] : [`https://${publicIp}:9200`],
    );
  }

  /**
   * Starts writers and a reader in the controller's network, which no cut affects.
   * @param entries of the application; default: the entry of bhs only
   */
  async traffic(index: string, load: Load = usualLoad, entries?: readonly string[]): Promise<Traffic> {
    const { url, ...credentials } = await this.entry();
    return new Traffic({ entries: [...(entries ?? [url])], ...credentials, index, ...load }, (argv) =>
      this.lab.controllerCommand(argv),
    );
  }

  /** Removes the lab with everything it has. */
  async destroy(): Promise<void> {
    await this.lab.destroy();
  }
}
