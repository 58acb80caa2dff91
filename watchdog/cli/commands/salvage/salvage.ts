import type { Command } from "commander";
import type { CommandContext } from "../../context.ts";
import { addDiscard } from "./discard.ts";
import { addList } from "./list.ts";
import { addReplay } from "./replay.ts";
import { addShow } from "./show.ts";

export function addSalvage(program: Command, context: CommandContext): void {
  const salvage = program
    .command("salvage")
    .description("operations that only the old primary had, on the host whose watchdog exported them");
  addList(salvage, context);
  addShow(salvage, context);
  addReplay(salvage, context);
  addDiscard(salvage, context);
}
