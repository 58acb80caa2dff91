import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Lab } from "../hosts/lab.ts";
import { type CommandOutcome, outcomeOf } from "../util/run.ts";
import type { Region, Stack } from "./configuration.ts";
import { type CurlAnswer, type CurlRequest, curl } from "./curl.ts";

const exec = promisify(execFile);
const COMMAND_TIMEOUT_MS = 60_000;

/** Takes the place of a host's name for the administrators' network, which no cut reaches. */
export const controller = "controller";

/** The hosts of the system by their roles: commands on them, requests from them, and their power. */
export class SystemHosts {
  readonly #lab: Lab;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async names(pattern: RegExp): Promise<readonly string[]> {
    return (await this.#lab.hosts()).map(({ name }) => name).filter((name) => pattern.test(name));
  }

  /** Hosts with a watchdog: every router's, and the witness. */
  async withWatchdog(): Promise<readonly string[]> {
    return this.names(/-haproxy-|^witness-/);
  }

  /** Name of a host with a router and its watchdog; default: the one that outlives the loss of gra. */
  async router(region: Region = "bhs"): Promise<string> {
    const [host] = await this.names(new RegExp(`^${region}-haproxy-`));
    if (host === undefined) throw new Error(`the lab has no HAProxy host in ${region}`);
    return host;
  }

  /** Runs a command by SSH, as users do. @throws Error when it exits non-zero or takes longer than 60 s */
  async ssh(host: string, command: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const [program = "ssh", ...args] = await this.#lab.sshCommand(host, command);
    return exec(program, args, { timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 << 20 });
  }

  /** Runs a program as root inside a host, or in the controller's network, which the applications share. */
  async run(from: string, argv: readonly string[], input = ""): Promise<CommandOutcome> {
    if (from !== controller) return this.#lab.exec(from, argv, { input });
    const [command = "", ...args] = this.#lab.controllerCommand(argv);
    return outcomeOf(command, args, { input, timeoutMs: COMMAND_TIMEOUT_MS });
  }

  /** An HTTPS request from a host (the routers' hosts may reach Elasticsearch) or from the controller's network. */
  async request(from: string, request: CurlRequest): Promise<CurlAnswer> {
    return curl((argv, input) => this.run(from, argv, input), request);
  }

  /** Elasticsearch servers of a region that a HAProxy's status page shows as up; default: the HAProxy of bhs. */
  async serversUp(region: Region, router?: string): Promise<readonly string[]> {
    const page = ["curl", "--silent", "--fail", "--max-time", "5", "http://127.0.0.1:8404/;csv"];
    const { exitCode, stdout, stderr } = await this.run(router ?? (await this.router()), page);
    if (exitCode !== 0) throw new Error(`HAProxy's status page: curl ended with ${exitCode} ${stderr}`);
    return stdout
      .split("\n")
      .map((line) => line.split(","))
      .filter(([backend, server, ...rest]) => backend === `es_${region}` && server !== "BACKEND" && rest[15] === "UP")
      .map(([, server = ""]) => server);
  }

  /**
   * Cuts the power of a whole site: no host of it sends another packet once its first process ends. Returns when the
   * last process has ended.
   * @returns when the network ports went down, wall clock in milliseconds
   */
  async cutPower(site: Stack): Promise<number> {
    const hosts = await this.names(new RegExp(`^${site}-`));
    const atMs = Date.now();
    await Promise.all(hosts.map((host) => this.#lab.setLink(host, "down")));
    await Promise.all(hosts.map((host) => this.#lab.kill(host)));
    return atMs;
  }

  /** Powers every host of a site on; returns when all of them accept SSH. */
  async powerOn(site: Stack): Promise<void> {
    const hosts = await this.names(new RegExp(`^${site}-`));
    await Promise.all(hosts.map((host) => this.#lab.start(host)));
  }

  /** Cuts the power of every Elasticsearch node of a region at once. Returns when the last process has ended. */
  async killElasticsearch(region: Region): Promise<void> {
    const nodes = await this.names(new RegExp(`^${region}-es-`));
    await Promise.all(nodes.map((node) => this.#lab.kill(node)));
  }

  async startElasticsearch(region: Region): Promise<void> {
    const nodes = await this.names(new RegExp(`^${region}-es-`));
    await Promise.all(nodes.map((node) => this.#lab.start(node)));
  }
}
