import type { Command } from "commander";
import { addChangeOptions, type ChangeFlags, requestChange } from "../change/request.ts";
import type { CommandContext } from "../context.ts";

export function addSwitchover(program: Command, context: CommandContext): void {
  const command = program
    .command("switchover")
    .description("move to the other region as planned; refused if an acknowledged write could be lost");
  addChangeOptions(command).action(({ to, reason, ...flags }: ChangeFlags) =>
    requestChange(context, { kind: "switchover", to, force: false, reason: reason ?? null }, flags),
  );
}
