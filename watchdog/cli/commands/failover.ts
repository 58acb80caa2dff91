import type { Command } from "commander";
import { addChangeOptions, type ChangeFlags, requestChange } from "../change/request.ts";
import type { CommandContext } from "../context.ts";

interface FailoverFlags extends ChangeFlags {
  readonly force: boolean;
}

export function addFailover(program: Command, context: CommandContext): void {
  const command = program
    .command("failover")
    .description("fail over now; writes that the other region lacks are lost until they are salvaged and replayed")
    .option("--force", "even if that region is not in sync, the active one is healthy, or a hook refuses it", false);
  addChangeOptions(command).action(({ to, force, reason, ...flags }: FailoverFlags) =>
    requestChange(context, { kind: "failover", to, force, reason: reason ?? null }, flags),
  );
}
