import type { Command } from "commander";
import type { CommandContext } from "../../context.ts";
import { addApply } from "./apply.ts";
import { addCheckRouting } from "./check.ts";
import { addSnippet } from "./snippet.ts";

export function addHaproxy(program: Command, context: CommandContext): void {
  const haproxy = program.command("haproxy").description("manage the HAProxy of this host");
  for (const add of [addApply, addCheckRouting, addSnippet]) add(haproxy, context);
}
