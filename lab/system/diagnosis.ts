import type { WatchdogStatus } from "../../watchdog/controller/status.ts";
import { messageOf } from "../../watchdog/util/errors.ts";
import type { TwoRegions } from "./two-regions.ts";

/** Lines of a watchdog's journal that tell what led to where it is. */
const JOURNAL_LINES = 12;

/** What every watchdog says of itself, and the last lines of its journal: what happened, for whoever reads of a failure. */
export async function describeWatchdogs(system: TwoRegions): Promise<string> {
  const hosts = await system.watchdogHosts().catch(() => []);
  return (await Promise.all(hosts.map((host) => describe(system, host)))).join("\n");
}

async function describe(system: TwoRegions, host: string): Promise<string> {
  const [status, journal] = await Promise.all([said(system, host), journalOf(system, host)]);
  return [`--- ${host}: ${status}`, ...journal.map((line) => `      ${line}`)].join("\n");
}

async function said(system: TwoRegions, host: string): Promise<string> {
  try {
    return sentences(await system.status(host)).join("; ");
  } catch (error) {
    const power = await system.lab.host(host).then((found) => found?.power);
    return power === "running" ? `no status: ${messageOf(error)}` : `the host is ${power}`;
  }
}

function sentences({ record, summary, leadership, store, self, router, failsafe }: WatchdogStatus): readonly string[] {
  const state =
    record === null
      ? "no record"
      : `epoch ${record.epoch} ${record.phase} ${record.phase === "serving" ? `${record.active} (standby ${record.standby})` : `${record.from} to ${record.to}`}`;
  return [
    state,
    summary,
    leadership.leading ? "leads" : `leader: ${leadership.leader ?? "none"}`,
    ...(store.reachable ? [] : [`store: ${store.error}`]),
    ...(self.trusted ? [] : self.reasons),
    ...(router === null ? [] : [`router: ${router.error ?? router.summary}`]),
    ...(failsafe === null || failsafe.fault === null ? [] : [`failsafe: ${failsafe.fault}`]),
  ];
}

async function journalOf(system: TwoRegions, host: string): Promise<readonly string[]> {
  const argv = ["journalctl", "--unit=es-failover", `--lines=${JOURNAL_LINES}`, "--output=cat", "--no-pager"];
  try {
    const { stdout } = await system.lab.exec(host, argv, { timeoutMs: 10_000 });
    return stdout.trim().split("\n").map(readable);
  } catch (error) {
    return [`no journal: ${messageOf(error)}`];
  }
}

/** The watchdog writes JSON, what it cannot catch itself is plain text. */
function readable(line: string): string {
  try {
    const { time, msg } = JSON.parse(line) as { time?: string | number; msg?: string };
    return msg === undefined
      ? line
      : `${typeof time === "number" ? new Date(time).toISOString() : (time ?? "")} ${msg}`;
  } catch {
    return line;
  }
}
