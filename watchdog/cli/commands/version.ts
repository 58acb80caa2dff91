import type { Command } from "commander";
import { version } from "../../util/version.ts";
import type { CommandContext } from "../context.ts";

export function addVersion(program: Command, { print }: CommandContext): void {
  program
    .command("version")
    .description("print the version")
    .action(() => print(version));
}
