import type { Command } from "commander";
import { submitRecordCommand } from "../change/record-command.ts";
import type { CommandContext } from "../context.ts";
import { dryRunOption } from "../options.ts";

export function addWithdraw(program: Command, context: CommandContext): void {
  program
    .command("withdraw")
    .description("cancel a requested failover or switchover that has not started yet")
    .addOption(dryRunOption())
    .action((options: { dryRun: boolean }) => submitRecordCommand(context, { kind: "withdraw" }, options));
}
