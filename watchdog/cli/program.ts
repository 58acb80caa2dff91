import { Command, Help } from "commander";
import { WatchdogNotRunning } from "../adapters/control-socket/client.ts";
import { DEFAULT_CONFIG_FILE } from "../config/load.ts";
import { ConfigError } from "../config/violations.ts";
import { messageOf } from "../util/errors.ts";
import { Refused } from "../util/socket-api.ts";
import { addAbort } from "./commands/abort.ts";
import { addAck } from "./commands/ack.ts";
import { addCheck } from "./commands/check.ts";
import { addCheckConfig } from "./commands/check-config.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDrift } from "./commands/drift.ts";
import { addEtcd } from "./commands/etcd.ts";
import { addExplain } from "./commands/explain.ts";
import { addFailover } from "./commands/failover.ts";
import { addHaproxy } from "./commands/haproxy/haproxy.ts";
import { addHistory } from "./commands/history.ts";
import { addInit } from "./commands/init.ts";
import { addNotify } from "./commands/notify.ts";
import { addPause } from "./commands/pause.ts";
import { addPreflight } from "./commands/preflight.ts";
import { addPublish } from "./commands/publish.ts";
import { addRejoin } from "./commands/rejoin.ts";
import { addResume } from "./commands/resume.ts";
import { addRun } from "./commands/run.ts";
import { addSalvage } from "./commands/salvage/salvage.ts";
import { addSimulate } from "./commands/simulate.ts";
import { addStatus } from "./commands/status.ts";
import { addSwitchover } from "./commands/switchover.ts";
import { addVerify } from "./commands/verify.ts";
import { addVersion } from "./commands/version.ts";
import { addWatchdogs } from "./commands/watchdogs.ts";
import { addWithdraw } from "./commands/withdraw.ts";
import type { CommandContext } from "./context.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { NoTerminal } from "./operator.ts";

/** In the order of `--help`. */
const commands: readonly ((program: Command, context: CommandContext) => void)[] = [
  addRun,
  addStatus,
  addExplain,
  addCheck,
  addCheckConfig,
  addInit,
  addHistory,
  addPause,
  addResume,
  addAck,
  addWithdraw,
  addFailover,
  addSwitchover,
  addAbort,
  addRejoin,
  addWatchdogs,
  addVerify,
  addDrift,
  addPreflight,
  addSimulate,
  addNotify,
  addSalvage,
  addPublish,
  addHaproxy,
  addEtcd,
  addCompletion,
  addVersion,
];

export type Output = Pick<CommandContext, "print" | "complain">;

/**
 * Runs one command line.
 *
 * @param args as typed, without the program's name
 * @returns the exit code, see `exitCodes`
 */
export async function main(args: readonly string[], { print, complain }: Output): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram({ print, complain, finish })
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: (text) => complain(text.trimEnd()) })
    .exitOverride();
  for (const command of allCommands(program)) command.copyInheritedSettings(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, complain);
  }
}

function createProgram(context: Omit<CommandContext, "configFile">): Command {
  const program = new Command("es-failover")
    .description("Monitors two Elasticsearch regions and fails over when one is lost.")
    .option("-c, --config <file>", "configuration file", DEFAULT_CONFIG_FILE)
    // A flag that is not given is off; "(default: false)" at each would only be noise.
    .configureHelp({
      optionDescription: (option) => (option.isBoolean() ? option.description : new Help().optionDescription(option)),
    })
    .addHelpText("after", exitCodesHelp);
  const configFile = (): string => program.opts<{ config: string }>().config;
  for (const add of commands) add(program, { ...context, configFile });
  return program;
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((sub) => [sub, ...allCommands(sub)]);
}

/** Prints the error, unless commander has printed it already. */
function exitCodeOf(error: unknown, complain: (text: string) => void): number {
  if (isCommanderError(error)) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  complain(messageOf(error));
  if (error instanceof ConfigError || error instanceof NoTerminal) return exitCodes.usage;
  if (error instanceof Refused) return exitCodes.refused;
  return error instanceof WatchdogNotRunning ? exitCodes.notRunning : exitCodes.failed;
}

/** Commander reports help as an error with exit code 0. */
function isCommanderError(error: unknown): error is { readonly exitCode: number } {
  return (
    error instanceof Error && "code" in error && String(error.code).startsWith("commander.") && "exitCode" in error
  );
}
