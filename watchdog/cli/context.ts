import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";

/** What every command works with. */
export interface CommandContext {
  /** Path of the configuration file. */
  configFile(): string;
  /** Results, to standard output. */
  readonly print: (text: string) => void;
  /** Messages for people, to standard error. */
  readonly complain: (text: string) => void;
  /** Sets the exit code of a command that came to its end. */
  readonly finish: (exitCode: number) => void;
}

/** Login name of the person at the keyboard: who called sudo, where it was called. */
export function loginName(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const caller = environment["SUDO_USER"];
  if (caller !== undefined && caller !== "") return caller;
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user database.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/** Nobody can be asked: there is no terminal. */
export class NoTerminal extends Error {
  constructor() {
    super("this has to be confirmed, but there is no terminal to ask on: give --yes to confirm beforehand");
  }
}

/**
 * Asks a person. Only "yes" in full is a yes: what is asked for cannot be taken back.
 *
 * @throws NoTerminal
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new NoTerminal();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} Type yes to go on: `)).trim().toLowerCase() === "yes";
  } finally {
    terminal.close();
  }
}
