const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Rejects when the program is asked to end, by Ctrl-C for one, so that it can remove what it has made. From then on no such
 * signal ends it half-way through: Ctrl-C comes twice, from the terminal and from the program's own parent.
 */
export function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of signals) process.on(signal, () => reject(new Error(`interrupted by ${signal}`)));
  });
}
