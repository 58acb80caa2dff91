import type { ReplicationStatus } from "../controller/status.ts";
import { duration, size } from "../util/text.ts";

type Unprotected = ReplicationStatus["unprotected"][number];
type Copy = NonNullable<Unprotected["copy"]>;

/** More would hide the rest of the status; `--json` has up to 50. */
const SHOWN_MAX = 10;
/** A copy that takes longer than this may be held back by a limit that an operator can raise. */
const LONG_COPY_MS = 10 * 60_000;

/** Rows about the indices that the standby could not replace now. */
export function protectionRows({ protectedIndices, unprotected }: ReplicationStatus, nowMs: number): string[][] {
  if (protectedIndices === null) return [["protected", "unknown"]];
  const { count, of } = protectedIndices;
  const rows = [["protected", `${count} of ${of} indices`]];
  rows.push(...unprotected.slice(0, SHOWN_MAX).map((index) => ["not protected", describe(index, nowMs)]));
  const more = of - count - Math.min(SHOWN_MAX, unprotected.length);
  if (more > 0) rows.push(["", `and ${more} more`]);
  if (unprotected.some(({ copy }) => copy !== null && isLong(copy, nowMs))) {
    rows.push(["hint", "first copies take long: the standby's cluster settings ccr.indices.recovery.* limit them"]);
  }
  return rows;
}

function describe({ reason, copy, sinceMs, established, required }: Unprotected, nowMs: number): string {
  const progress = copy?.state === "running" ? `: ${copyProgress(copy, nowMs)}` : "";
  const since = `, for ${duration(Math.max(0, nowMs - sinceMs))}`;
  const isNew = established ? "" : "; new, so the others stay protected";
  return `${reason}${progress}${since}${required ? isNew : "; not required, so a failover may leave it behind"}`;
}

/** Bytes, percent, and the time that the rest takes at the speed so far. */
export function copyProgress(copy: Copy, nowMs: number): string {
  const { bytesDone, bytesTotal, startedAtMs } = copy;
  if (startedAtMs === null) return "waits for its turn";
  if (bytesTotal === null || bytesTotal === 0) return `${size(bytesDone)} so far`;
  const percent = Math.floor((100 * bytesDone) / bytesTotal);
  const restMs = remainingMs(copy, nowMs);
  const rest = restMs === null ? "" : `, about ${duration(restMs)} left`;
  return `${size(bytesDone)} of ${size(bytesTotal)} (${percent} %)${rest}`;
}

/** null while nothing has come, and when the total is not known. */
function remainingMs({ bytesDone, bytesTotal, startedAtMs }: Copy, nowMs: number): number | null {
  if (bytesTotal === null || startedAtMs === null || bytesDone <= 0) return null;
  return ((bytesTotal - bytesDone) * Math.max(0, nowMs - startedAtMs)) / bytesDone;
}

function isLong(copy: Copy, nowMs: number): boolean {
  if (copy.state !== "running" || copy.startedAtMs === null) return false;
  return Math.max(nowMs - copy.startedAtMs, remainingMs(copy, nowMs) ?? 0) > LONG_COPY_MS;
}
