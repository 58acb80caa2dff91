import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A line of the watchdog's log. */
export interface JournalLine {
  readonly message: string;
  readonly atMs: number;
}

/** Follows the watchdog's journal on a host from now on, until the returned function is called. */
export function followJournal(sshArgv: readonly string[], onLine: (line: JournalLine) => void): () => void {
  const [program = "ssh", ...args] = sshArgv;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = parseLine(text);
    if (line !== undefined) onLine(line);
  });
  return () => {
    child.kill();
  };
}

/** The command that prints the journal for `followJournal`. */
export const journalCommand = ["sudo", "journalctl", "-u", "es-failover", "-f", "-n", "0", "-o", "cat"] as const;

/** Lines of systemd itself stand between the watchdog's JSON lines. */
function parseLine(text: string): JournalLine | undefined {
  if (!text.startsWith("{")) return undefined;
  const { msg, time } = JSON.parse(text) as { msg?: string; time?: string | number };
  return msg === undefined ? undefined : { message: msg, atMs: new Date(time ?? Date.now()).getTime() };
}
