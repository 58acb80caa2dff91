import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the service manager is told. Every method does nothing where no service manager listens. */
export interface ServiceManager {
  /** How often it wants a sign of life, milliseconds; null when it does not watch. */
  readonly watchdogIntervalMs: number | null;
  /** Started: what waits for this service may go on. */
  ready(status: string): Promise<void>;
  /** A sign of life. To be given only while the work is really going on. */
  alive(): Promise<void>;
  stopping(): Promise<void>;
  /** One line, shown by `systemctl status`. */
  status(line: string): Promise<void>;
}

/**
 * sd_notify(3) by way of systemd-notify(1), as Node cannot write to datagram sockets. The unit therefore needs
 * `NotifyAccess=all`: the message comes from a child process.
 *
 * @param environment the process's own: NOTIFY_SOCKET and WATCHDOG_USEC
 */
export function serviceManager(environment: NodeJS.ProcessEnv = process.env): ServiceManager {
  const listens = environment["NOTIFY_SOCKET"] !== undefined;
  const notify = async (...assignments: readonly string[]): Promise<void> => {
    // It waits until systemd has read the message: one whose sender has gone cannot be attributed to the unit.
    if (listens) await run("systemd-notify", [...assignments], { timeout: 5_000, env: environment });
  };
  const watchdogUsec = Number(environment["WATCHDOG_USEC"] ?? Number.NaN);
  const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").slice(0, 500);
  return {
    watchdogIntervalMs: listens && watchdogUsec > 0 ? watchdogUsec / 1_000 : null,
    ready: (status) => notify("READY=1", `STATUS=${oneLine(status)}`),
    alive: () => notify("WATCHDOG=1"),
    stopping: () => notify("STOPPING=1"),
    status: (line) => notify(`STATUS=${oneLine(line)}`),
  };
}
