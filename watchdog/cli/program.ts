import { Command } from "commander";
import { Refused, WatchdogNotRunning } from "../adapters/control-socket.ts";
import { DEFAULT_CONFIG_FILE, loadConfig, loadPublisherConfig } from "../config/load.ts";
import { ConfigError } from "../config/violations.ts";
import { messageOf } from "../util/errors.ts";
import { version } from "../util/version.ts";
import { addCompletion } from "./commands/completion.ts";
import { addEtcdCommands } from "./commands/etcd.ts";
import { applyHaproxy } from "./commands/haproxy.ts";
import { addOperatorCommands } from "./commands/operator.ts";
import { showExplanation, showStatus } from "./commands/status.ts";
import { type CommandContext, NoTerminal } from "./context.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";

export interface Output {
  /** Results, to standard output. */
  print(text: string): void;
  /** Messages for people, to standard error. */
  complain(text: string): void;
}

/**
 * Runs one command line.
 *
 * @param args as typed, without the program's name
 * @returns the exit code, see `exitCodes`
 */
export async function main(args: readonly string[], { print, complain }: Output): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = createProgram({ print, complain }, (code) => {
    exitCode = code;
  })
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: (text) => complain(text.trimEnd()) })
    .exitOverride();
  for (const command of allCommands(program)) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    return complainAbout(error, complain);
  }
}

function createProgram({ print, complain }: Output, finish: (exitCode: number) => void): Command {
  const program = new Command("es-failover")
    .description("Watches two Elasticsearch regions and turns the routes when one is lost.")
    .option("-c, --config <file>", "configuration file", DEFAULT_CONFIG_FILE)
    .addHelpText("after", exitCodesHelp);
  const configFile = (): string => program.opts<{ config: string }>().config;

  program
    .command("run")
    .description("run the watchdog; SIGTERM or SIGINT ends it and leaves the routing ticket in place")
    .action(async () => {
      // Loaded only here: the Elasticsearch client takes longer to load than the other commands take to run.
      const { runWatchdog } = await import("../app/run.ts");
      await runWatchdog(configFile());
    });
  program
    .command("status")
    .description("show regions, replication, routing, and what the watchdog is doing")
    .option("--json", "as JSON", false)
    .action(async ({ json }: { json: boolean }) => finish(await showStatus(configFile(), { json, print })));
  program
    .command("explain")
    .description("show every rule: which one decides now, and what stands in the way of the others")
    .option("--json", "as JSON", false)
    .action(async ({ json }: { json: boolean }) => finish(await showExplanation(configFile(), { json, print })));
  program
    .command("check-config")
    .description("check a configuration and the files that it names")
    .argument("[file]", "default: the configuration file")
    .action(async (file: string | undefined) => {
      const checked = file ?? configFile();
      const { config } = await loadConfig(checked);
      const regions = Object.keys(config.regions).join(" and ");
      print(`${checked} is good: watchdog ${config.name} in ${config.site}, for ${regions}.`);
    });
  addOperatorCommands(program, { configFile, print, complain, finish });
  addPublish(program, { configFile, print, complain, finish });
  const haproxy = program.command("haproxy").description("the HAProxy beside this watchdog");
  haproxy
    .command("apply")
    .description("check a new HAProxy configuration, put it in place, reload, and go back when that fails (as root)")
    .requiredOption("-f, --file <file>", "the new configuration")
    .action(async ({ file }: { file: string }) => print(await applyHaproxy(configFile(), file)));
  addEtcdCommands(program, print);
  addCompletion(program, print);
  program
    .command("version")
    .description("print the version")
    .action(() => print(version));
  return program;
}

/** On a host of applications, where no watchdog runs. */
function addPublish(program: Command, context: CommandContext): void {
  const publish = program
    .command("publish")
    .description(
      "run the publisher: keep endpoint files and keys in step with the region that serves, tell applications",
    )
    .action(async () => (await import("./commands/publish.ts")).runPublisher(context.configFile()));
  publish
    .command("status")
    .description("show what the running publisher has heard and published, and what is in its way")
    .option("--json", "as JSON", false)
    .action(async (options: { json: boolean }) =>
      context.finish(await (await import("./commands/publish.ts")).showPublisher(context, options)),
    );
  publish
    .command("check-config")
    .description("check the publisher's section of a configuration and the files that it names")
    .action(async () => {
      const { files, etcd, consul } = await loadPublisherConfig(context.configFile());
      const keys = [...(etcd === null ? [] : ["keys in etcd"]), ...(consul === null ? [] : ["Consul"])];
      const places = [...files.map(({ path }) => path), ...keys].join(", ");
      context.print(`${context.configFile()} is good: publishes to ${places}.`);
    });
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((sub) => [sub, ...allCommands(sub)]);
}

function complainAbout(error: unknown, complain: (text: string) => void): number {
  if (isCommanderError(error)) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  complain(messageOf(error));
  if (error instanceof ConfigError || error instanceof NoTerminal) return exitCodes.usage;
  if (error instanceof Refused) return exitCodes.refused;
  return error instanceof WatchdogNotRunning ? exitCodes.notRunning : exitCodes.failed;
}

/** Commander has printed what it had to say; help counts as an error with exit code 0. */
function isCommanderError(error: unknown): error is { readonly exitCode: number } {
  return (
    error instanceof Error && "code" in error && String(error.code).startsWith("commander.") && "exitCode" in error
  );
}
