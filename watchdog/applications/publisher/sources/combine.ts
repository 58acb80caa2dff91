import type { EndpointState } from "../../../core/endpoint-state.ts";
import type { PublishableState } from "../targets/target.ts";

/** What all sources together say. */
export interface Combined {
  readonly state: PublishableState | null;
  /** Why nothing follows from it although something was said. */
  readonly contradiction: string | null;
}

/**
 * The highest epoch counts: a watchdog that is cut off still says an older one. Of those that say the highest, the first
 * in order is taken, so that two with different addresses for a region do not make it change to and fro.
 *
 * @param said what each source said last, in order of preference; null: silent
 */
export function combine(said: readonly (EndpointState | null)[]): Combined {
  const known = said.flatMap((state) => (state === null || state.phase === "unknown" ? [] : [state]));
  const highest = Math.max(0, ...known.map(({ epoch }) => epoch));
  const newest = known.filter(({ epoch }) => epoch === highest);
  const serving = newest.flatMap((state) => (state.phase === "serving" ? [state] : []));
  const regions = [...new Set(serving.map(({ region }) => region))];
  if (regions.length > 1) {
    const contradiction = `of epoch ${highest} some say ${regions.join(", others ")}: are all of one installation?`;
    return { state: null, contradiction };
  }
  return { state: serving[0] ?? newest[0] ?? null, contradiction: null };
}
