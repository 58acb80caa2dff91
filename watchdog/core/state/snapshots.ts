import type { RegionName } from "../../config/address.ts";
import { time } from "../../util/text.ts";

/** What snapshot lifecycle management tells of the region's policy. */
export interface SnapshotState {
  readonly hasPolicy: boolean;
  /** null: none has succeeded yet. */
  readonly lastSuccessAtMs: number | null;
  /** The last one that failed, where none has succeeded since. */
  readonly failure: { readonly atMs: number; readonly reason: string } | null;
}

const HOUR_MS = 3_600_000;

/** What is wrong with the snapshots of a region; null where the last one is recent enough. */
export function snapshotProblem(
  region: RegionName,
  { hasPolicy, lastSuccessAtMs, failure }: SnapshotState,
  nowMs: number,
  maxAgeMs: number,
): string | null {
  if (!hasPolicy) return `${region} has no snapshot policy: run \`pulumi up\` for it`;
  const why = failure === null ? "" : `; the one of ${time(failure.atMs)} UTC failed: ${failure.reason}`;
  if (lastSuccessAtMs === null) return `no snapshot of ${region} has succeeded yet${why}`;
  const ageMs = nowMs - lastSuccessAtMs;
  if (ageMs <= maxAgeMs) return null;
  return `the last successful snapshot of ${region} is ${hours(ageMs)} old, more than ${hours(maxAgeMs)}${why}`;
}

const hours = (ms: number): string => `${Number((ms / HOUR_MS).toFixed(1))} h`;
