import { askControlSocket, type ControlRoute } from "../../adapters/control-socket.ts";
import { parseConfigFile } from "../../config/load.ts";
import type { CommandAnswer } from "../../controller/control-api.ts";
import type { KnownSituation } from "../../core/preview.ts";
import { applyCommand, type ChangeCommand, type Command } from "../../core/requests.ts";
import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { loginName } from "../operator.ts";

/** A command that takes effect with one write of the state document. */
export type RecordCommand = Exclude<Command, ChangeCommand>;

const routes = {
  pause: "PUT /pause",
  resume: "DELETE /pause",
  ack: "DELETE /block-period",
  withdraw: "DELETE /request",
} as const satisfies Record<RecordCommand["kind"], ControlRoute>;

/** Sends the command to the running watchdog; a dry run prints what the command would record. */
export async function submitRecordCommand(
  { configFile, print, complain, finish }: CommandContext,
  command: RecordCommand,
  { dryRun }: { readonly dryRun: boolean },
): Promise<void> {
  const { controlSocket, regions } = await parseConfigFile(configFile());
  const by = loginName();
  if (dryRun) {
    const { record, nowMs } = (await askControlSocket(controlSocket, "GET /situation")) as KnownSituation;
    const applied = applyCommand(record, command, { by, atMs: nowMs }, Object.keys(regions));
    if (applied.accepted) return print(`Would be recorded in the state document: ${applied.explanation}.`);
    complain(applied.reasons.join("\n"));
    return finish(exitCodes.refused);
  }
  const body = command.kind === "pause" ? { by, reason: command.reason } : { by };
  const answer = (await askControlSocket(controlSocket, routes[command.kind], { body })) as CommandAnswer;
  print(`${answer.explanation}.`);
}
