/** `npm run lab -- …`: the command line of a lab on this machine. */
import { spawn } from "node:child_process";
import path from "node:path";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { table } from "../watchdog/util/text.ts";
import { clientModes } from "./demo/client-modes/scenario.ts";
import { runScenario } from "./demo/run-scenario.ts";
import { Lab } from "./hosts/lab.ts";
import { labObstacles, unfitMachine } from "./hosts/preflight.ts";
import { openTunnel } from "./hosts/tunnel.ts";
import { type LabRegion, labRegions, type WanSettings } from "./hosts/types.ts";
import { hostRootStep } from "./machine/debian-root.ts";
import { machinePackagesStep } from "./machine/packages.ts";
import { runSteps } from "./machine/run-steps.ts";
import { bringUpSystem } from "./system/bring-up.ts";
import type { StackSettings } from "./system/configuration.ts";
import { setUpMachine } from "./system/set-up.ts";

/** Below the checkout, whose file system has room for disks. */
const defaultLabDirectory: string = path.join(path.dirname(import.meta.dirname), ".lab", "run");

interface LabOption {
  readonly lab: string;
}

export async function main(args: readonly string[]): Promise<number> {
  const outcome = { exitCode: 0 };
  const program = new Command("npm run lab --")
    .description("Two regions and a witness on this machine: networks, hosts, and a WAN that can be cut.")
    .exitOverride()
    .enablePositionalOptions();
  for (const command of [...lifeCommands(outcome), ...hostCommands(), ...wanCommands()]) {
    program.addCommand(
      command.addOption(new Option("--lab <directory>", "directory of the lab").default(defaultLabDirectory)),
    );
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    // Commander has printed the error or the help.
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
  return outcome.exitCode;
}

/** Makes the lab's networks only, with the set-up that they need. */
async function bringUpNetworks(directory: string): Promise<Lab> {
  const unfit = unfitMachine();
  if (unfit !== undefined) throw new Error(unfit);
  await runSteps([machinePackagesStep, hostRootStep]);
  const obstacles = await labObstacles(directory);
  if (obstacles.length > 0) throw new Error(obstacles.join(" "));
  return Lab.create({ directory });
}

async function bringUpWhole(directory: string, settings: StackSettings): Promise<void> {
  const obstacles = await setUpMachine();
  if (obstacles.length > 0) throw new Error(obstacles.join(" "));
  await bringUpSystem(directory, (line) => console.log(line), settings);
}

function lifeCommands(outcome: { exitCode: number }): Command[] {
  const up = new Command("up")
    .description("bring two regions up, by the real Pulumi engine")
    .option("--empty", "networks only, without a host")
    .option("--api-keys", "connect the regions' clusters by cross-cluster API keys instead of certificates")
    .action(async ({ lab, empty, apiKeys }: LabOption & { empty?: boolean; apiKeys?: boolean }) => {
      const settings: StackSettings = apiKeys === true ? { remoteClusterSecurity: "api_key" } : {};
      await (empty === true ? bringUpNetworks(lab) : bringUpWhole(lab, settings));
      console.log(`The lab is up in ${lab}.`);
    });
  const status = new Command("status")
    .description("show hosts and WAN")
    .action(async ({ lab }: LabOption) => console.log(await describe(await Lab.open(lab))));
  const ssh = new Command("ssh")
    .description("log in to a host as debian, or run a command there")
    .argument("<host>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (host: string, command: string[], { lab }: LabOption) => {
      outcome.exitCode = await runInteractively(await (await Lab.open(lab)).sshCommand(host, command));
    });
  const tunnel = new Command("tunnel")
    .description("carry a port of this machine's loopback to the same one of a host's, until it is interrupted")
    .argument("<host>")
    .argument("<port>", "TCP port", number)
    .option("--local <port>", "another port of this machine", number)
    .action(async (host: string, port: number, { lab, local }: LabOption & { local?: number }) => {
      await openTunnel(await Lab.open(lab), { host, port, localPort: local ?? port });
      console.log(`http://localhost:${local ?? port} is port ${port} of ${host}.`);
    });
  const down = new Command("down")
    .description("remove the lab with everything it has, in any state")
    .action(async ({ lab }: LabOption) => Lab.destroy(lab));
  const ways = new Command("ways")
    .description("show three modes in which an application follows a failover, side by side")
    .addHelpText("after", "\nBrings a lab up and removes it, unless there is one already.")
    .action(async ({ lab }: LabOption) => {
      outcome.exitCode = await runScenario(clientModes, { directory: path.resolve(lab), keep: false });
    });
  return [up, status, ssh, tunnel, down, ways];
}

function hostCommands(): Command[] {
  const onHost = (name: string, description: string, act: (lab: Lab, host: string) => Promise<void>): Command =>
    new Command(name)
      .description(description)
      .argument("<host>")
      .action(async (host: string, { lab }: LabOption) => act(await Lab.open(lab), host));
  return [
    onHost("kill", "cut a host's power", (lab, host) => lab.kill(host)),
    onHost("start", "boot a host that is off, from its disk", (lab, host) => lab.start(host)),
    onHost("freeze", "freeze every process of a host", (lab, host) => lab.freeze(host)),
    onHost("thaw", "resume a frozen host", (lab, host) => lab.thaw(host)),
    onHost("unplug", "unplug a host's network cables", (lab, host) => lab.setLink(host, "down")),
    onHost("plug", "plug a host's network cables in again", (lab, host) => lab.setLink(host, "up")),
  ];
}

function wanCommands(): Command[] {
  const region = (name: string): Argument => new Argument(`<${name}>`, "region").choices(labRegions);
  const cut = new Command("cut")
    .description("cut the WAN between two regions: packets are dropped silently")
    .addArgument(region("from"))
    .addArgument(region("to"))
    .option("--one-way", "drop only packets from the first region to the second")
    .action(async (from: LabRegion, to: LabRegion, options: LabOption & { oneWay?: boolean }) => {
      await (await Lab.open(options.lab)).wan.cut(from, to, { oneWay: options.oneWay === true });
    });
  const heal = new Command("heal")
    .description("undo every cut of the WAN")
    .action(async ({ lab }: LabOption) => (await Lab.open(lab)).wan.heal());
  const wan = new Command("wan")
    .description("change delay, jitter, loss and rate of the WAN between two regions, both ways")
    .addArgument(region("a"))
    .addArgument(region("b"))
    .option("--delay <ms>", "one-way delay in milliseconds", number)
    .option("--jitter <ms>", "additional random delay of each packet, up to this", number)
    .option("--loss <percent>", "share of lost packets", number)
    .option("--rate <Mbit/s>", "what the line carries in each direction; 0: no limit", number)
    .action(async (a: LabRegion, b: LabRegion, options: LabOption & WanOptions) => {
      await (await Lab.open(options.lab)).wan.set(a, b, wanChange(options));
    });
  return [cut, heal, wan];
}

interface WanOptions {
  readonly delay?: number;
  readonly jitter?: number;
  readonly loss?: number;
  readonly rate?: number;
}

function wanChange({ delay, jitter, loss, rate }: WanOptions): Partial<WanSettings> {
  return {
    ...(delay === undefined ? {} : { delayMs: delay }),
    ...(jitter === undefined ? {} : { jitterMs: jitter }),
    ...(loss === undefined ? {} : { lossPercent: loss }),
    ...(rate === undefined ? {} : { rateMbit: rate }),
  };
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

async function describe(lab: Lab): Promise<string> {
  const hosts = await lab.hosts();
  const rows = hosts.map((host) => [host.name, host.region, host.publicIp ?? "-", host.privateIp ?? "-", host.power]);
  const wan = (await lab.wan.lines()).map((line) => [
    `${line.from} -> ${line.to}`,
    line.cut ? "CUT" : `${line.delayMs} ms`,
    line.jitterMs > 0 ? `+ up to ${line.jitterMs} ms` : "",
    line.lossPercent > 0 ? `${line.lossPercent} % lost` : "",
    line.rateMbit > 0 ? `${line.rateMbit} Mbit/s` : "",
  ]);
  const hostTable = rows.length === 0 ? "no hosts" : table([["HOST", "REGION", "PUBLIC", "VRACK", "POWER"], ...rows]);
  return `${hostTable}\n\n${table([["WAN", "ONE WAY", "", "", ""], ...wan])}`;
}

function runInteractively([command = "", ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
