import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** Marks this process and, by their environment, all that come from it. */
const MARK = "ES_FAILOVER_TEST_RUN";

/** The environment for a process that is to outlive the run: without the mark. */
export function unmarkedEnvironment(): NodeJS.ProcessEnv {
  const { [MARK]: _, ...environment } = process.env;
  return environment;
}

/**
 * vitest calls this before a run's first test. As soon as vitest has ended in any way, every process that the tests
 * started is killed: an interrupted vitest ends at once, without an `afterAll`, and HAProxy, etcd, Elasticsearch and
 * watchdogs would outlive it.
 */
export default function killProcessesWithThisOne(): void {
  const mark = randomUUID();
  const guard = spawn(process.execPath, [import.meta.filename, mark], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
    env: unmarkedEnvironment(),
  });
  guard.unref();
  process.env[MARK] = mark;
}

async function main(mark: string): Promise<void> {
  // The kernel closes this pipe with the process at its other end.
  for await (const _ of process.stdin);
  // Repeated, because a process that still ran may have started another one.
  while ((await killMarked(mark)) > 0) await delay(50);
}

/** Returns how many there were. */
async function killMarked(mark: string): Promise<number> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const marked = await Promise.all(pids.map((pid) => isMarked(pid, mark)));
  const found = pids.filter((_, at) => marked[at]);
  for (const pid of found) kill(pid);
  return found.length;
}

/** A process of another user, a thread of the kernel and one that has just ended are not marked. */
async function isMarked(pid: number, mark: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  return environment.split("\0").includes(`${MARK}=${mark}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

if (import.meta.main) await main(process.argv[2] ?? "");
