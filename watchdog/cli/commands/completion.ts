import { Argument, type Command } from "commander";
import { type CommandTree, completionScript, type Shell, shells } from "../completion.ts";

/** Adds the command that prints completion scripts. They know every command that has been added before it runs. */
export function addCompletion(program: Command, print: (text: string) => void): void {
  program
    .command("completion")
    .description("print a completion script for a shell")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
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
