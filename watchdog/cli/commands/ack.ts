import type { Command } from "commander";
import { submitRecordCommand } from "../change/record-command.ts";
import type { CommandContext } from "../context.ts";
import { dryRunOption } from "../options.ts";

export function addAck(program: Command, context: CommandContext): void {
  program
    .command("ack")
    .description("end the block period that follows a failover")
    .addOption(dryRunOption())
    .action((options: { dryRun: boolean }) => submitRecordCommand(context, { kind: "ack" }, options));
}
