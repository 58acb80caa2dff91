import type { Command } from "commander";
import { submitRecordCommand } from "../change/record-command.ts";
import type { CommandContext } from "../context.ts";
import { dryRunOption } from "../options.ts";

export function addResume(program: Command, context: CommandContext): void {
  program
    .command("resume")
    .description("allow automatic failover again after `pause`")
    .addOption(dryRunOption())
    .action((options: { dryRun: boolean }) => submitRecordCommand(context, { kind: "resume" }, options));
}
