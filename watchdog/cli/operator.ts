import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";

/** Login name of the person at the keyboard; under sudo, of its caller. */
export function loginName(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const caller = environment["SUDO_USER"];
  if (caller !== undefined && caller !== "") return caller;
  try {
    return userInfo().username;
  } catch {
    // The uid has no entry in the user database.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/** A command has to ask, but has no terminal to ask on. */
export class NoTerminal extends Error {
  constructor(sentence = "this command needs confirmation, but there is no terminal to ask on: confirm with --yes") {
    super(sentence);
  }
}

/**
 * Asks for confirmation on the terminal. Only "yes" in full confirms, because the action cannot be undone.
 *
 * @throws NoTerminal
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw new NoTerminal();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} Type yes to continue: `)).trim().toLowerCase() === "yes";
  } finally {
    terminal.close();
  }
}
