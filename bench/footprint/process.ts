import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../../lab/util/until.ts";
import { askControlSocket } from "../../watchdog/adapters/control-socket/client.ts";
import type { WatchdogConfig } from "../../watchdog/config/schema.ts";
import { controlApi } from "../../watchdog/controller/control-api/api.ts";
import { PATIENCE_MS } from "../promotion/fixture.ts";

/** From when the standby is in sync: V8 has grown its heap by then to what the process needs. */
const WARM_UP_MS = 60_000;
const MEASURED_MS = 60_000;
/** The unit of the times in /proc: USER_HZ, which is 100 on every platform of Linux. */
const TICK_MS = 10;

export interface Footprint {
  /** Resident, the shared pages of Node's own program among them: about 55 MB. */
  readonly rssBytes: number;
  readonly peakBytes: number;
  /** Of it, what no file backs. */
  readonly privateBytes: number;
  /** Proportional: shared pages are divided by the number of processes that have them. */
  readonly shareBytes: number;
  /** Processor time per time: 1 is one core. */
  readonly coreShare: number;
}

export interface Subject {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly config: WatchdogConfig;
  readonly directory: string;
  /** It is at rest once the standby is in sync with so many followers. */
  readonly followers: number;
}

/** Runs a watchdog until it has been at rest for a while, and measures it then. */
export async function measureAtRest({ argv, env, config, directory, followers }: Subject): Promise<Footprint> {
  const file = path.join(directory, "watchdog.json");
  await writeFile(file, JSON.stringify(config));
  const [program = "", ...args] = argv;
  const watchdog = spawn(program, [...args, "run", "--config", file], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  try {
    await until("the watchdog is at rest", PATIENCE_MS, async () => {
      if (watchdog.exitCode !== null) throw new Error(`the watchdog ended with status ${watchdog.exitCode}`);
      const status = await askControlSocket(config.controlSocket, controlApi.status, {}).catch(() => null);
      const { record, replication } = status ?? {};
      return record?.phase === "serving" && record.standby === "in-sync" && replication?.followers === followers;
    });
    await delay(WARM_UP_MS);
    const before = await processorMs(watchdog);
    await delay(MEASURED_MS);
    const coreShare = ((await processorMs(watchdog)) - before) / MEASURED_MS;
    return { coreShare, ...(await memoryOf(watchdog)) };
  } finally {
    if (watchdog.kill()) await once(watchdog, "exit");
  }
}

async function processorMs({ pid }: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in the second field may contain spaces; user and system time are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function memoryOf({ pid }: ChildProcess): Promise<Omit<Footprint, "coreShare">> {
  const files = ["status", "smaps_rollup"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8"));
  const text = (await Promise.all(files)).join("\n");
  const bytes = (field: string) => Number(text.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m"))?.[1]) * 1_024;
  return {
    rssBytes: bytes("VmRSS"),
    peakBytes: bytes("VmHWM"),
    privateBytes: bytes("RssAnon"),
    shareBytes: bytes("Pss"),
  };
}
