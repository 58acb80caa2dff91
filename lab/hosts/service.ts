import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { until } from "../util/until.ts";
import { cgroupEvents, createCgroup, inCgroup } from "./cgroup.ts";

/** Starts a program that outlives this process: own session, own cgroup, no terminal; its output is appended to `log`. */
export async function spawnDetached(group: string, argv: readonly string[], log: string): Promise<void> {
  await createCgroup(group);
  const output = openSync(log, "a");
  try {
    const [command = "sh", ...args] = inCgroup(group, argv);
    const child = spawn(command, args, { detached: true, cwd: "/", stdio: ["ignore", output, output] });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
  } finally {
    closeSync(output);
  }
}

/** Starts a program that outlives this process, and waits until it prints the line "ready". */
export async function startService(group: string, argv: readonly string[], log: string): Promise<void> {
  await writeFile(log, "");
  await spawnDetached(group, argv, log);
  const seen = { alive: false };
  await until(`${argv.join(" ")} is ready`, 10_000, async () => {
    const output = await readFile(log, "utf8");
    if (/^ready$/m.test(output)) return true;
    const { populated } = await cgroupEvents(group);
    if (seen.alive && !populated) throw new Error(`${argv.join(" ")} ended before it was ready:\n${output.trim()}`);
    seen.alive ||= populated;
    return false;
  });
}
