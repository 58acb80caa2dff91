import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "../../../watchdog/util/files.ts";
import { until } from "../../util/until.ts";
import { regionPairs } from "../addressing.ts";
import type { LabCgroups } from "../cgroup.ts";
import { processesOf } from "../cgroup.ts";
import type { LabLayout } from "../layout.ts";
import { regionNetwork } from "../layout.ts";
import { startService } from "../service.ts";
import type { LabRegion, WanDirection, WanSettings } from "../types.ts";
import { labRegions } from "../types.ts";

export type WanLine = WanDirection & WanSettings;

const wanSchema = z.object({
  revision: z.number(),
  directions: z.array(
    z.object({
      from: z.enum(labRegions),
      to: z.enum(labRegions),
      delayMs: z.number(),
      jitterMs: z.number(),
      lossPercent: z.number(),
      rateMbit: z.number(),
      cut: z.boolean(),
    }),
  ),
});

/** One-way delays in milliseconds. Gravelines–Beauharnois has a round trip of about 80 ms; the witness is in Europe. */
const defaultDelaysMs: Readonly<Record<string, number>> = { "gra-bhs": 40, "gra-witness": 10, "bhs-witness": 45 };

/** The WAN of a new lab: no cut, no loss, no limit, the delay of each distance. */
export function defaultWan(): readonly WanLine[] {
  return regionPairs().flatMap(([a, b]) => {
    const settings = {
      delayMs: defaultDelaysMs[`${a}-${b}`] ?? 0,
      jitterMs: 0,
      lossPercent: 0,
      rateMbit: 0,
      cut: false,
    };
    return [
      { from: a, to: b, ...settings },
      { from: b, to: a, ...settings },
    ];
  });
}

/** The WAN with one direction changed. @throws Error for a line from a region to itself and for invalid settings */
export function changeDirection(
  lines: readonly WanLine[],
  direction: WanDirection,
  change: Partial<WanSettings>,
): readonly WanLine[] {
  const { from, to } = direction;
  if (from === to) throw new Error(`There is no WAN line from ${from} to itself.`);
  const { delayMs = 0, jitterMs = 0, lossPercent = 0, rateMbit = 0 } = change;
  if (!(delayMs >= 0) || !(jitterMs >= 0)) throw new Error("Delay and jitter of the WAN are milliseconds, 0 or more.");
  if (!(lossPercent >= 0 && lossPercent <= 100)) throw new Error("The WAN's loss is a percentage from 0 to 100.");
  if (!(rateMbit >= 0)) throw new Error("The WAN's rate is megabits per second, 0 or more.");
  return lines.map((line) => (line.from === from && line.to === to ? { ...line, ...change } : line));
}

const settingsFile = (layout: LabLayout): string => path.join(layout.wan, "settings.json");
const appliedFile = (layout: LabLayout): string => path.join(layout.wan, "applied");

async function read(layout: LabLayout): Promise<z.infer<typeof wanSchema>> {
  return wanSchema.parse(JSON.parse(await readFile(settingsFile(layout), "utf8")));
}

export async function readWan(layout: LabLayout): Promise<readonly WanLine[]> {
  return (await read(layout)).directions;
}

/** Applies new settings and returns when they are in force. Callers hold the lab's lock. */
export async function applyWan(layout: LabLayout, cgroups: LabCgroups, lines: readonly WanLine[]): Promise<void> {
  const revision = (await read(layout)).revision + 1;
  await writeSettings(layout, revision, lines);
  const [pid] = await processesOf(cgroups.service("wan"));
  if (pid === undefined) throw new Error(`The lab's WAN is not running; see ${wanLog(layout)}.`);
  process.kill(pid, "SIGHUP");
  await until("the WAN applies its new settings", 5_000, async () => {
    return Number(await readFile(appliedFile(layout), "utf8")) >= revision;
  });
}

async function writeSettings(layout: LabLayout, revision: number, directions: readonly WanLine[]): Promise<void> {
  const text = JSON.stringify({ revision, directions });
  await writeFileAtomically(settingsFile(layout), text, { mode: 0o644, durable: false });
}

const wanLog = (layout: LabLayout): string => path.join(layout.logs, "wan.log");

/** Starts the process that carries the packets. The devices "wan-REGION" exist while it runs. */
export async function startWan(layout: LabLayout, cgroups: LabCgroups): Promise<void> {
  await writeSettings(layout, 1, defaultWan());
  const program = path.join(import.meta.dirname, "wan.py");
  const namespaces = labRegions.map((region: LabRegion) => `${region}=${regionNetwork(layout, region)}`);
  const argv = ["/usr/bin/python3", program, settingsFile(layout), appliedFile(layout), ...namespaces];
  await startService(cgroups.service("wan"), argv, wanLog(layout));
}
