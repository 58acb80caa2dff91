import { duration } from "../../util/text.ts";
import type { FirstCopy, IndexState } from "./cluster.ts";

/** Whether an index is a follower whose first copy is not complete: it can be neither paused, closed, unfollowed nor opened. */
export const isUnfinished = ({ following, firstCopy }: Pick<IndexState, "following" | "firstCopy">): boolean =>
  following && firstCopy !== null;

/** How far a first copy has come: "at 37 %"; null while that is unknown, as at its beginning and when it begins again. */
function progress({ bytesDone, bytesTotal }: FirstCopy): string | null {
  if (bytesTotal === null || bytesTotal === 0) return null;
  return `at ${Math.min(99, Math.floor((100 * bytesDone) / bytesTotal))} %`;
}

/** Why an index was left out, as told later. */
export const copyThen = (copy: FirstCopy): string =>
  copy.state === "failed"
    ? `its first copy had failed${copy.error === null ? "" : `: ${copy.error}`}`
    : `its first copy was ${progress(copy) ?? "unfinished"}`;

/** What an index waits for, and for how long at the rate so far. */
export function copyNow(copy: FirstCopy, nowMs: number): string {
  if (copy.state === "failed")
    return `its first copy has failed${copy.error === null ? "" : ` (${copy.error})`} and has to begin again`;
  const { bytesDone, bytesTotal, startedAtMs } = copy;
  const elapsedMs = startedAtMs === null ? 0 : nowMs - startedAtMs;
  const isRateKnown = bytesTotal !== null && bytesDone > 0 && elapsedMs > 0;
  const left = isRateKnown
    ? `, about ${duration(((bytesTotal - bytesDone) * elapsedMs) / bytesDone)} left`
    : ", the time left is not known yet";
  return `its first copy is ${progress(copy) ?? "unfinished"}${left}`;
}
