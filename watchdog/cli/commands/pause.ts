import type { Command } from "commander";
import { submitRecordCommand } from "../change/record-command.ts";
import type { CommandContext } from "../context.ts";
import { dryRunOption } from "../options.ts";

export function addPause(program: Command, context: CommandContext): void {
  program
    .command("pause")
    .description("stop automatic failover until `resume`; routing and replication continue")
    .requiredOption("--reason <text>", "shown in status and history")
    .addOption(dryRunOption())
    .action(({ reason, ...options }: { reason: string; dryRun: boolean }) =>
      submitRecordCommand(context, { kind: "pause", reason }, options),
    );
}
