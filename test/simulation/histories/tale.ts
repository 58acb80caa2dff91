import type { History } from "./history.ts";

/** What a failing test prints of a history: what broke, the command that replays it, and its log. */
export function tale({ layout, seed, faults, violation, log }: History): string {
  const only = faults === undefined ? "" : ` --faults "${faults.join()}"`;
  return [
    violation === null ? `${layout}, seed ${seed}` : `${layout}, seed ${seed} broke invariant ${violation}`,
    `again: node test/simulation/replay.ts "${layout}" ${seed}${only}`,
    ...log,
  ].join("\n");
}
