import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { Lab } from "../lab/hosts/lab.ts";
import { unmarkedEnvironment } from "./process-guard.ts";

/**
 * Removes a lab, and the scratch directory around it, as soon as this process has ended in any way: a lab's hosts outlive
 * the process that made them, and no `afterAll` runs in a process that is killed.
 */
export function removeLabWithThisProcess(scratch: string, labDirectory = path.join(scratch, "lab")): void {
  const guard = spawn(process.execPath, [import.meta.filename, labDirectory, scratch], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
    env: unmarkedEnvironment(),
  });
  // Waits for the end of the pipe, which the kernel closes with this process.
  guard.unref();
}

async function main(labDirectory: string, scratch: string): Promise<void> {
  for await (const _ of process.stdin);
  await Lab.destroy(labDirectory);
  await rm(scratch, { recursive: true, force: true });
}

if (import.meta.main) {
  const [, , labDirectory = "", scratch = ""] = process.argv;
  await main(labDirectory, scratch);
}
