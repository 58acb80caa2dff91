import type { Command } from "commander";
import { abortChange } from "../change/abort.ts";
import type { CommandContext } from "../context.ts";
import { dryRunOption, waitOption, yesOption } from "../options.ts";

interface AbortFlags {
  readonly reason?: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** How long to follow the abort, seconds; 0: not at all. */
  readonly wait: number;
}

export function addAbort(program: Command, context: CommandContext): void {
  program
    .command("abort")
    .description("end the failover or switchover under way, and go back to the region that served before")
    .option("--reason <text>", "recorded in the history")
    .addOption(yesOption())
    .addOption(waitOption("abort"))
    .addOption(dryRunOption())
    .action(({ reason, ...flags }: AbortFlags) =>
      abortChange(context, { kind: "abort", reason: reason ?? null }, flags),
    );
}
