/** What the exit status of a command says. Part of the interface: scripts depend on it. */
export const exitCodes = {
  ok: 0,
  /** The command could not do what it was asked to; the message says why. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** No watchdog is running on this host; `status` then shows what its store says. */
  notRunning: 3,
} as const;

export const exitCodesHelp = `
Exit status:
  0  done
  1  failed; the message says why
  2  the command line or the configuration is wrong
  3  no watchdog is running on this host (status then shows what its store says)`;
