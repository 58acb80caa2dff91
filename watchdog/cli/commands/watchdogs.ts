import type { Command } from "commander";
import { submitRecordCommand } from "../change/record-command.ts";
import type { CommandContext } from "../context.ts";
import { dryRunOption } from "../options.ts";

const forgetHelp = `
Without the store a router stays open only while every registered watchdog answers. One that was removed or renamed would
close all routers then. It is forgotten by itself once it has been silent for failsafe.forgetAfterMs; this does it at once.
A watchdog that returns registers again.`;

export function addWatchdogs(program: Command, context: CommandContext): void {
  program
    .command("watchdogs")
    .description("the watchdogs that failsafe asks; `status` lists them")
    .command("forget <name>")
    .description("end the membership of a watchdog that is gone for good")
    .addHelpText("after", forgetHelp)
    .addOption(dryRunOption())
    .action((watchdog: string, options: { dryRun: boolean }) =>
      submitRecordCommand(context, { kind: "forget", watchdog }, options),
    );
}
