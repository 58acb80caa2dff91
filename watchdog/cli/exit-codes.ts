/** Exit status of every command. Part of the interface: scripts depend on it. */
export const exitCodes = {
  ok: 0,
  /** The command failed; the message gives the reason. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No watchdog runs on this host; `status` then shows the state document of its store. */
  notRunning: 3,
  /** Refused or not confirmed: nothing was changed, and the message gives the reasons. */
  refused: 4,
  /** `verify`, `drift`, `preflight`, `init`, `haproxy check` or `salvage show` found a problem. */
  findings: 5,
} as const;

/** Shown by `--help`. */
export const exitCodesHelp = `
Exit status:
  0  done
  1  failed; the message gives the reason
  2  the command line or the configuration is wrong
  3  no watchdog is running on this host (status then shows the state in its store)
  4  refused or not confirmed; nothing was changed
  5  verify or drift found differences, a check of preflight failed, something is in the way of init, a frontend goes around
     the routing ticket, or a salvage does not match its receipt`;
