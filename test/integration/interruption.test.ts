import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";

const program = path.join(import.meta.dirname, "support", "interrupted.ts");

test("Ctrl-C that arrives twice, as it does in a terminal, lets what was made be removed", async () => {
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    // The second one comes while it cleans up.
    if (line !== "removed") child.kill("SIGINT");
  }
  expect(await ended).toBe(0);
  expect(said).toEqual(["at work", "interrupted by SIGINT", "removed"]);
});
