import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import type { Lab } from "../hosts/lab.ts";

/** Enough lines of a journal to show what led to a failure. */
const JOURNAL_LINES = 12;
const JOURNAL_TIMEOUT_MS = 10_000;

/** A watchdog's status in one line. */
export function summaryOf({ record, summary, leadership, store, self, router, failsafe }: WatchdogStatus): string {
  return [
    record === null ? "no record" : `epoch ${record.epoch} ${record.phase} ${placeOf(record)}`,
    summary,
    leadership.leading ? "leads" : `leader: ${leadership.leader ?? "none"}`,
    ...(store.reachable ? [] : [`store: ${store.error}`]),
    ...(self.trusted ? [] : self.reasons),
    ...(router === null ? [] : [`router: ${router.error ?? router.summary}`]),
    ...(failsafe === null || failsafe.fault === null ? [] : [`failsafe: ${failsafe.fault}`]),
  ].join("; ");
}

function placeOf(record: NonNullable<WatchdogStatus["record"]>): string {
  return record.phase === "serving" ? `${record.active} (standby ${record.standby})` : `${record.from} to ${record.to}`;
}

/** The last lines of a watchdog's journal; the reason where it cannot be read. */
export async function journalOf(lab: Lab, host: string): Promise<readonly string[]> {
  const argv = ["journalctl", "--unit=es-failover", `--lines=${JOURNAL_LINES}`, "--output=cat", "--no-pager"];
  try {
    const { stdout } = await lab.exec(host, argv, { timeoutMs: JOURNAL_TIMEOUT_MS });
    return stdout.trim().split("\n").map(readable);
  } catch (error) {
    return [`no journal: ${messageOf(error)}`];
  }
}

/** The watchdog logs JSON; lines of systemd and uncaught errors are plain text. */
function readable(line: string): string {
  try {
    const { time, msg } = JSON.parse(line) as { time?: string | number; msg?: string };
    if (msg === undefined) return line;
    return `${typeof time === "number" ? new Date(time).toISOString() : (time ?? "")} ${msg}`;
  } catch {
    return line;
  }
}
