import type { RegionName } from "../../config/address.ts";
import type { LastFailover } from "./record.ts";

/** When a region acknowledged writes through one router, by the wall clock of its host. */
export interface RegionWrites {
  readonly region: RegionName;
  /** The first one since another region had acknowledged one. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** How long a change of the active region kept applications from writing, as one router saw it. */
export interface WritePause {
  /** The last write that the region which was left acknowledged. */
  readonly fromMs: number;
  /** The first one that the new region acknowledged. */
  readonly toMs: number;
}

/** @returns null while the new region has acknowledged no write, and where the router saw none of the region that was left */
export function writePause(
  { from, to, startedAtMs }: Pick<LastFailover, "from" | "to" | "startedAtMs">,
  writes: readonly RegionWrites[],
): WritePause | null {
  const left = writes.find(({ region }) => region === from);
  const entered = writes.find(({ region }) => region === to);
  if (left === undefined || entered === undefined) return null;
  // An earlier one is of an earlier change in the same direction.
  const isOfThisChange = entered.firstAtMs >= startedAtMs && entered.firstAtMs >= left.lastAtMs;
  return isOfThisChange ? { fromMs: left.lastAtMs, toMs: entered.firstAtMs } : null;
}
