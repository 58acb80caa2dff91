/** What the exit status of a command says. Part of the interface: scripts depend on it. */
export const exitCodes = {
  ok: 0,
  /** The command could not do what it was asked to; the message says why. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No watchdog is running on this host; `status` then shows what its store says. */
  notRunning: 3,
  /** What was asked for is not done, for reasons that the message names; nothing was changed. */
  refused: 4,
  /** A comparison or a check found something amiss. */
  findings: 5,
} as const;

/** The one place where they are explained to users; `--help` shows it. */
export const exitCodesHelp = `
Exit status:
  0  done
  1  failed; the message says why
  2  the command line or the configuration is wrong
  3  no watchdog is running on this host (status then shows what its store says)
  4  refused or not confirmed; nothing was changed
  5  verify found the regions different, or a check of preflight failed`;
