import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

const program = path.join(import.meta.dirname, "support", "interrupted.ts");

test("a program interrupted twice by one Ctrl-C, as in a terminal, still removes what it made", async () => {
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    // The second interrupt arrives during the cleanup.
    if (line !== "removed") child.kill("SIGINT");
  }
  expect(await ended).toBe(0);
  expect(said).toEqual(["at work", "interrupted by SIGINT", "removed"]);
});
