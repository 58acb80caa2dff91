import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Notifications to the service manager. Every method does nothing when no service manager listens. */
export interface ServiceManager {
  /** Longest interval between heartbeats, milliseconds; null without a watchdog of the service manager. */
  readonly watchdogIntervalMs: number | null;
  /** The service has started: units that wait for it may start. */
  ready(status: string): Promise<void>;
  /** A heartbeat. To be sent only while the service makes progress. */
  alive(): Promise<void>;
  stopping(): Promise<void>;
  /** One line, shown by `systemctl status`. */
  status(line: string): Promise<void>;
}

/**
 * sd_notify(3) through systemd-notify(1), because Node cannot write to datagram sockets. The unit needs
 * `NotifyAccess=all`, because the message comes from a child process.
 *
 * @param environment with NOTIFY_SOCKET and WATCHDOG_USEC; default: the process's own
 */
export function serviceManager(environment: NodeJS.ProcessEnv = process.env): ServiceManager {
  const listens = environment["NOTIFY_SOCKET"] !== undefined;
  const notify = async (...assignments: readonly string[]): Promise<void> => {
    // systemd-notify waits until systemd has read the message: without its sender it cannot be attributed to the unit.
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
