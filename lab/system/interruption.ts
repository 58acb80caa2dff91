const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Rejects on SIGINT, SIGTERM or SIGHUP, so that the program can clean up. Further signals have no effect: Ctrl-C arrives
 * twice, from the terminal and from the parent process.
 */
export function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of signals) process.on(signal, () => reject(new Error(`interrupted by ${signal}`)));
  });
}
