import { setTimeout as sleep } from "node:timers/promises";
import type { TwoRegions } from "../../../lab/system/two-regions.ts";

/** The last restart of a node, by its service manager's clock. */
export interface Restart {
  readonly node: string;
  readonly stoppedAtMs: number;
  readonly readyAtMs: number;
}

export async function lastRestart(system: TwoRegions, node: string): Promise<Restart> {
  const argv = ["systemctl", "show", "elasticsearch", "--timestamp=us+utc"];
  const { stdout } = await system.lab.exec(node, [...argv, "--property=ActiveExitTimestamp,ActiveEnterTimestamp"]);
  const atMs = (property: string): number => {
    // "Sun 2026-11-22 23:34:22.481203 UTC"
    const [, day, time] = new RegExp(`^${property}=\\w+ (\\S+) (\\S+) UTC$`, "m").exec(stdout) ?? [];
    if (day === undefined) throw new Error(`${node}: no ${property} in: ${stdout}`);
    return Date.parse(`${day}T${time}Z`);
  };
  return { node, stoppedAtMs: atMs("ActiveExitTimestamp"), readyAtMs: atMs("ActiveEnterTimestamp") };
}

export interface HealthSample {
  readonly atMs: number;
  readonly status: string;
  readonly nodes: number;
}

const SAMPLE_EVERY_MS = 250;

/** Samples a cluster's health every 250 ms during `work`. A failed request leaves no sample. */
export async function sampledWhile(
  measure: () => Promise<Omit<HealthSample, "atMs">>,
  work: () => Promise<void>,
): Promise<readonly HealthSample[]> {
  const samples: HealthSample[] = [];
  let working = true;
  const sampling = (async () => {
    while (working) {
      const atMs = Date.now();
      await measure().then(
        (sample) => samples.push({ atMs, ...sample }),
        () => undefined,
      );
      await sleep(SAMPLE_EVERY_MS);
    }
  })();
  try {
    await work();
  } finally {
    working = false;
    await sampling;
  }
  return samples;
}
