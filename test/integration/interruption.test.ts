import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { eventually } from "../../lab/util/until.ts";

const support = path.join(import.meta.dirname, "support");

test("a program interrupted twice by one Ctrl-C, as in a terminal, still removes what it made", async () => {
  const child = spawn(process.execPath, [path.join(support, "interrupted.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
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

test.each(["SIGINT", "SIGTERM"] as const)(
  "a test run ended by %s leaves no process of its tests behind",
  async (signal) => {
    const scratch = await mkdtemp(path.join(tmpdir(), "es-failover-interrupted-"));
    const started = path.join(scratch, "started");
    const run = spawn(process.execPath, [path.join(support, "interrupted-run", "run.ts")], {
      stdio: "ignore",
      env: { ...process.env, STARTED: started },
    });
    const ended = new Promise((resolve) => run.once("exit", resolve));
    let pids: readonly number[] = [];
    try {
      await eventually("the run's test has started both processes", 60_000, async () => {
        pids = (await readFile(started, "utf8")).trim().split("\n").map(Number);
        return pids.length === 2;
      });
      expect(pids.filter(isRunning)).toEqual(pids);
      run.kill(signal);
      expect(await ended).toBe(1);
      await eventually("both processes have ended", 30_000, async () => !pids.some(isRunning));
    } finally {
      run.kill("SIGKILL");
      for (const pid of pids.filter(isRunning)) process.kill(pid, "SIGKILL");
      await rm(scratch, { recursive: true, force: true });
    }
  },
);

test.each(["start", "test", "lab", "init"])(
  "npm hands a signal to the program of `npm run %s`, not to a shell",
  async (script) => {
    const { scripts } = JSON.parse(await readFile(path.join(import.meta.dirname, "..", "..", "package.json"), "utf8"));
    expect(scripts[script]).toBe(`exec node setup/bootstrap.mjs ${script}`);
  },
);

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
