import { askControlSocket } from "../../adapters/control-socket/client.ts";
import { parseConfigFile } from "../../config/load.ts";
import { controlApi } from "../../controller/control-api/api.ts";
import type { CommandAnswer } from "../../controller/control-api/changes.ts";
import { type AbortCommand, applyCommand, type ChangeCommand, type Command } from "../../core/requests.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { loginName } from "../operator.ts";

/** A command that takes effect with one write of the state document. */
export type RecordCommand = Exclude<Command, ChangeCommand | AbortCommand>;

/** Sends the command to the running watchdog; a dry run prints what the command would record. */
export async function submitRecordCommand(
  { configFile, print, complain, finish }: CommandContext,
  command: RecordCommand,
  { dryRun }: { readonly dryRun: boolean },
): Promise<void> {
  const { controlSocket, regions } = await parseConfigFile(configFile());
  const by = loginName();
  if (dryRun) {
    const { record, seen, nowMs } = await askControlSocket(controlSocket, controlApi.situation, {});
    const background = { regions: Object.keys(regions), silence: seen.silence ?? {} };
    const applied = applyCommand(record, command, { by, atMs: nowMs }, background);
    if (applied.accepted) return print(`Would be recorded in the state document: ${applied.explanation}.`);
    complain(applied.reasons.join("\n"));
    return finish(exitCodes.refused);
  }
  const { explanation } = await submit(controlSocket, command, by);
  print(`${explanation}.`);
}

function submit(socket: string, command: RecordCommand, by: string): Promise<CommandAnswer> {
  if (command.kind === "pause") return askControlSocket(socket, controlApi.pause, { by, reason: command.reason });
  if (command.kind === "rejoin") return askControlSocket(socket, controlApi.rejoin, { by, policy: command.policy });
  if (command.kind === "forget") return askControlSocket(socket, controlApi.forget, { by, watchdog: command.watchdog });
  return askControlSocket(socket, controlApi[command.kind], { by });
}
