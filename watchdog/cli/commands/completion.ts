import { Argument, type Command } from "commander";
import { type CommandTree, completionScript, type Shell, shells } from "../completion.ts";
import type { CommandContext } from "../context.ts";

/** The script covers every command registered by the time the user runs it. */
export function addCompletion(program: Command, { print }: CommandContext): void {
  program
    .command("completion")
    .description("print a completion script for a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action((shell: Shell) => print(completionScript(shell, treeOf(program))));
}

function treeOf(command: Command): CommandTree {
  return {
    name: command.name(),
    description: command.description(),
    options: [...command.options.flatMap(({ short, long }) => [short, long]), "--help"].filter(
      (option) => option !== undefined && option !== null,
    ),
    commands: command.commands.map(treeOf),
  };
}
