import type { EndpointState } from "../../../core/endpoint-state.ts";
import type { PublishableState } from "../targets/target.ts";

/** Result of all sources together. */
export interface Combined {
  readonly state: PublishableState | null;
  /** Why the sources that answered give no state. */
  readonly conflict: string | null;
}

/**
 * The highest epoch counts: a watchdog that is cut off still answers with an older one. Among equal epochs the first source
 * counts, so that two sources with different addresses for a region do not make the result alternate.
 *
 * @param answers the last answer of each source, in order of preference; null: no answer
 */
export function combine(answers: readonly (EndpointState | null)[]): Combined {
  const known = answers.flatMap((state) => (state === null || state.phase === "unknown" ? [] : [state]));
  const highest = Math.max(0, ...known.map(({ epoch }) => epoch));
  const newest = known.filter(({ epoch }) => epoch === highest);
  const serving = newest.flatMap((state) => (state.phase === "serving" ? [state] : []));
  const regions = [...new Set(serving.map(({ region }) => region))];
  if (regions.length > 1) {
    const conflict =
      `the sources assign epoch ${highest} to ${regions.join(" and ")}: ` +
      "check that all of them belong to the same installation";
    return { state: null, conflict };
  }
  return { state: serving[0] ?? newest[0] ?? null, conflict: null };
}
