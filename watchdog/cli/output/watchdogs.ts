import { failsafeRows, leadershipSentence, type WatchdogsStatus, watchdogRows } from "../../presentation/watchdogs.ts";
import { section } from "../../util/text.ts";

/** Each watchdog with its report, role and router lease; empty for a single watchdog. */
export function watchdogsSection(status: WatchdogsStatus): string {
  const rows = watchdogRows(status);
  if (rows.length === 0) return "";
  const failsafe = section("Failsafe (while the store does not answer)", failsafeRows(status));
  return [section("Watchdogs", rows), leadershipSentence(status), failsafe].filter((part) => part !== "").join("\n\n");
}
