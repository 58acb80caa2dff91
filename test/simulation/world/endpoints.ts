import type { Addresses } from "../../../watchdog/config/address.ts";
import type { Watchdog } from "../../../watchdog/controller/watchdog.ts";
import { endpointState } from "../../../watchdog/core/endpoint-state.ts";
import type { Process } from "./world.ts";

const addresses: Addresses = { gra: { host: "gra", port: 9200 }, bhs: { host: "bhs", port: 9200 } };

/** A run of a watchdog, whose endpoint service applications ask. */
export interface Asked {
  readonly process: Process | null;
  readonly watchdog: Watchdog | null;
}

/** Regions that the endpoint services name now: dead and frozen ones answer nobody. */
export function namedRegions(asked: readonly Asked[]): readonly string[] {
  const named = new Set<string>();
  for (const { process, watchdog } of asked) {
    if (watchdog === null || process === null || !process.isAlive || process.isFrozen) continue;
    const state = endpointState(watchdog.routing(), addresses);
    if (state.phase === "serving") named.add(state.region);
  }
  return [...named];
}
